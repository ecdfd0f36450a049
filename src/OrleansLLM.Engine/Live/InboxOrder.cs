namespace OrleansLLM.Engine;

/// <summary>Something that the inbox has accepted and the step's thread has not done yet.</summary>
internal abstract class InboxOrder
{
    public abstract void Run(EngineCore core);

    public abstract void Refuse();
}

internal sealed class InboxCommand(Action<EngineCore> run) : InboxOrder
{
    public override void Run(EngineCore core) => run(core);

    public override void Refuse()
    {
    }
}

/// <summary>One that somebody awaits; the answer is <paramref name="otherwise"/> where the loop has stopped.</summary>
internal sealed class InboxQuestion<T>(Func<EngineCore, T> ask, T otherwise) : InboxOrder
{
    private readonly TaskCompletionSource<T> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T> Answer => _answer.Task;

    public override void Run(EngineCore core)
    {
        try
        {
            _answer.TrySetResult(ask(core));
        }
        catch (Exception exception)
        {
            _answer.TrySetException(exception);
            throw;
        }
    }

    public override void Refuse() => _answer.TrySetResult(otherwise);
}
