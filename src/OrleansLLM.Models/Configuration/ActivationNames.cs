using OrleansLLM.Compute;

namespace OrleansLLM.Models.Configuration;

/// <summary>Transformers' names of activations. To add one: a row here.</summary>
internal static class ActivationNames
{
    private static readonly Dictionary<string, Activation> Names = new(StringComparer.Ordinal)
    {
        ["silu"] = Activation.Silu,
        ["swish"] = Activation.Silu,
        ["gelu"] = Activation.Gelu,
        ["gelu_python"] = Activation.Gelu,
        ["gelu_new"] = Activation.GeluTanh,
        ["gelu_fast"] = Activation.GeluTanh,
        ["gelu_pytorch_tanh"] = Activation.GeluTanh,
        ["gelu_python_tanh"] = Activation.GeluTanh,
        ["relu"] = Activation.Relu,
    };

    public static IReadOnlyCollection<string> All => Names.Keys;

    public static Activation Parse(ConfigSource source, string name) => Names.TryGetValue(name, out var activation)
        ? activation
        : throw new UnsupportedModelException(source.Path, $"activation \"{name}\" is not built; {string.Join(", ", Names.Keys)} are");
}
