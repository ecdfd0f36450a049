using OrleansLLM.Compute;
using OrleansLLM.Files;
using OrleansLLM.Models.Architectures;
using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models.Tests;

/// <summary>The same experts under every name and in every stack that files have.</summary>
public sealed class ExpertTensorsTests : IDisposable
{
    private const int Experts = 3;
    private const int Inner = 2;
    private const int Width = 4;
    private const int Matrix = Inner * Width;

    private readonly string _path = Path.GetTempFileName();
    private readonly MappedFile _file;

    /// <summary>The file holds an expert's gate, up and down, expert after expert; then all gates, all ups and all downs.</summary>
    public ExpertTensorsTests()
    {
        float Value(int expert, int kind, int i) => (expert * 100) + (kind * 10) + i;
        var matrices = from expert in Enumerable.Range(0, Experts) from kind in Enumerable.Range(0, 3) select (expert, kind);
        var stacks = from kind in Enumerable.Range(0, 3) from expert in Enumerable.Range(0, Experts) select (expert, kind);
        var pairs = from expert in Enumerable.Range(0, Experts) from kind in Enumerable.Range(0, 2) select (expert, kind);
        File.WriteAllBytes(_path, [.. matrices.Concat(stacks).Concat(pairs)
            .SelectMany(one => Enumerable.Range(0, Matrix).SelectMany(i => BitConverter.GetBytes(Value(one.expert, one.kind, i))))]);
        _file = MappedFile.Open(_path);
    }

    public static TheoryData<string, string> Forms => new()
    {
        { "model.layers.0.block_sparse_moe.gate.weight", "a tensor a matrix" },
        { "layers.0.block_sparse_moe.gate.weight", "a tensor a matrix without the prefix" },
        { "model.layers.0.mlp.gate.weight", "gates and ups in one tensor" },
        { "layers.0.mlp.gate.weight", "gates and ups in one tensor without the prefix" },
        { "blk.0.ffn_gate_inp.weight", "a tensor a matrix in a gguf file" },
        { "blk.0.ffn_gate_inp.weight", "a tensor a kind in a gguf file" },
        { "blk.0.ffn_gate_inp.weight", "gates and ups in one tensor of a gguf file" },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Experts_are_the_same_however_they_are_stored(string router, string form)
    {
        var isGguf = form.Contains("gguf", StringComparison.Ordinal);
        var reader = new TensorReader(new Tensors(this, router, form), isGguf ? TensorNames.Gguf : new Mixtral().FolderNames);
        var builder = new BlueprintBuilder(Config, reader, RotaryOrder.Halves);
        var (gateUps, downs) = (builder.ExpertGateUps(0), builder.ExpertDowns(0));
        for (var expert = 0; expert < Experts; expert++)
        {
            Assert.Equal(Numbers(expert, 0).Concat(Numbers(expert, 1)), Read(gateUps[expert]));
            Assert.Equal(Numbers(expert, 2), Read(downs[expert]));
            Assert.Equal((2 * Inner, Width), (gateUps[expert].Outputs, gateUps[expert].Inputs));
            Assert.Equal((Width, Inner), (downs[expert].Outputs, downs[expert].Inputs));
        }

        Assert.Equal(Experts, builder.Linear(TensorRole.Router, 0, Experts, Width, BiasPresence.None).Outputs);
    }

    public void Dispose()
    {
        _file.Dispose();
        File.Delete(_path);
    }

    private static ModelConfig Config => new()
    {
        Architecture = "test",
        Layers = 1,
        Width = Width,
        Heads = 1,
        KeyHeads = 1,
        HeadWidth = Width,
        Inner = Inner,
        Vocabulary = 10,
        MaxLength = 100,
        Epsilon = 1e-5f,
        Activation = Activation.Silu,
        Windows = [0],
        Head = HeadTying.Separate,
        AttentionScale = 1,
        Experts = Experts,
    };

    private static IEnumerable<float> Numbers(int expert, int kind) => Enumerable.Range(0, Matrix).Select(i => (float)((expert * 100) + (kind * 10) + i));

    private static IEnumerable<float> Read(LinearSource source) => source.Parts.SelectMany(part => Enumerable.Range(0, part.Rows).SelectMany(row =>
    {
        var values = new float[part.Columns];
        part.Format.Decode(part.Row(row), values);
        return values;
    }));

    /// <summary>The tensors of one form.</summary>
    private sealed class Tensors : ITensorFile
    {
        private static readonly string[] FolderKinds = ["w1", "w3", "w2"];
        private static readonly string[] GgufKinds = ["gate", "up", "down"];

        private readonly Dictionary<string, FileTensor> _tensors = [];
        private readonly ExpertTensorsTests _test;

        public Tensors(ExpertTensorsTests test, string router, string form)
        {
            _test = test;
            Add(router, 0, Experts, Width);
            var stem = router[..router.LastIndexOf("gate", StringComparison.Ordinal)];
            var isGguf = form.Contains("gguf", StringComparison.Ordinal);
            if (form.StartsWith("a tensor a matrix", StringComparison.Ordinal))
            {
                AddMatrices((expert, kind) => isGguf
                    ? $"{stem}{GgufKinds[kind]}.{expert}.weight"
                    : $"{stem}experts.{expert}.{FolderKinds[kind]}.weight");
            }
            else if (form.StartsWith("a tensor a kind", StringComparison.Ordinal))
            {
                AddStacks(kind => $"{stem}{GgufKinds[kind]}_exps.weight");
            }
            else
            {
                Add(isGguf ? $"{stem}gate_up_exps.weight" : $"{stem}experts.gate_up_proj", 6 * Experts * Matrix, Experts, 2 * Inner, Width);
                Add(isGguf ? $"{stem}down_exps.weight" : $"{stem}experts.down_proj", 5 * Experts * Matrix, Experts, Width, Inner);
            }
        }

        public string Path => _test._path;

        IReadOnlyDictionary<string, FileTensor> ITensorFile.Tensors => _tensors;

        public void Dispose()
        {
        }

        private void AddMatrices(Func<int, int, string> name)
        {
            for (var matrix = 0; matrix < 3 * Experts; matrix++)
            {
                Add(name(matrix / 3, matrix % 3), matrix * Matrix, matrix % 3 == 2 ? [Width, Inner] : [Inner, Width]);
            }
        }

        private void AddStacks(Func<int, string> name)
        {
            for (var kind = 0; kind < 3; kind++)
            {
                Add(name(kind), (3 + kind) * Experts * Matrix, kind == 2 ? [Experts, Width, Inner] : [Experts, Inner, Width]);
            }
        }

        private void Add(string name, long offset, params long[] shape) =>
            _tensors.Add(name, new(_test._file, name, "F32", shape, offset * 4, shape.Aggregate(4L, (product, size) => product * size)));
    }
}
