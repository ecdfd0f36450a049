namespace OrleansLLM.Files;

/// <summary>The tensors of a model by name, whatever container and however many files hold them.</summary>
public interface ITensorFile : IDisposable
{
    /// <summary>What the user named: the file, or the folder of a checkpoint.</summary>
    string Path { get; }

    IReadOnlyDictionary<string, FileTensor> Tensors { get; }
}
