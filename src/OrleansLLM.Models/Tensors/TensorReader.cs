using System.Globalization;
using OrleansLLM.Compute;
using OrleansLLM.Files;

namespace OrleansLLM.Models.Tensors;

/// <summary>
/// A model's tensors by role, each checked for shape and format when it is asked for. Tensors that nobody asks for are ignored.
/// </summary>
internal sealed class TensorReader(ITensorFile file, TensorNames names)
{
    public const string Weight = "weight";

    private const string Bias = "bias";

    public bool Has(TensorRole role, int layer = 0, int expert = 0) => Find(role, layer, expert, Weight) is not null;

    public bool HasBias(TensorRole role, int layer) => Find(role, layer, 0, Bias) is not null;

    /// <summary>A table with one row an id: embeddings, positions, an untied head.</summary>
    public FileSource Table(TensorRole role, int rows, int columns)
    {
        var tensor = Require(role, 0, 0, Weight);
        RequireShape(tensor, rows, columns);
        return new TensorSource(tensor, Format(tensor), 0, rows, columns);
    }

    /// <summary>The matrix of a linear operation.</summary>
    public FileSource Matrix(TensorRole role, int layer, int outputs, int inputs, int expert = 0)
    {
        var tensor = Require(role, layer, expert, Weight);
        if (names.Order == MatrixOrder.OutputsFirst)
        {
            RequireShape(tensor, outputs, inputs);
            return new TensorSource(tensor, Format(tensor), 0, outputs, inputs);
        }

        RequireShape(tensor, inputs, outputs);
        var format = Format(tensor);
        return format.BlockElements == 1
            ? new TransposedSource(tensor, format, outputs, inputs)
            : throw new FileFormatException(tensor.File.Path, $"tensor {tensor.Name} is {tensor.Type} and must be turned, which blocks can't be");
    }

    /// <summary>The matrices of all experts from one tensor [experts, outputs, inputs].</summary>
    public IReadOnlyList<FileSource> Stacked(TensorRole role, int layer, int experts, int outputs, int inputs)
    {
        var tensor = Require(role, layer, 0, Weight);
        RequireShape(tensor, experts, outputs, inputs);
        var format = Format(tensor);
        return [.. Enumerable.Range(0, experts).Select(expert => new TensorSource(tensor, format, (long)expert * outputs, outputs, inputs))];
    }

    /// <summary>The numbers of a norm's scale.</summary>
    public float[] Vector(TensorRole role, int layer, int width) => Numbers(Require(role, layer, 0, Weight), width);

    /// <summary>The numbers of a bias.</summary>
    public float[] BiasVector(TensorRole role, int layer, int width) => Numbers(Require(role, layer, 0, Bias), width);

    private static float[] Numbers(FileTensor tensor, int width)
    {
        RequireShape(tensor, width);
        var numbers = new float[width];
        var format = Format(tensor);
        format.Decode(tensor.Bytes(0, format.RowBytes(width)), numbers);
        return Array.TrueForAll(numbers, float.IsFinite)
            ? numbers
            : throw new FileFormatException(tensor.File.Path, $"tensor {tensor.Name} holds a number that is not finite; the file is damaged");
    }

    private static void RequireShape(FileTensor tensor, params long[] shape)
    {
        if (!tensor.Shape.SequenceEqual(shape))
        {
            throw new FileFormatException(
                tensor.File.Path, $"tensor {tensor.Name} is {tensor.ShapeText}; by the configuration it must be [{string.Join(", ", shape.Select(number => number.ToString(CultureInfo.InvariantCulture)))}]");
        }
    }

    private static WeightFormat Format(FileTensor tensor) => WeightFormats.Find(tensor.Type) ?? throw new UnsupportedModelException(
        tensor.File.Path,
        $"tensor {tensor.Name} is of format {tensor.Type}, which is not built; {string.Join(", ", WeightFormats.All)} are");

    private FileTensor? Find(TensorRole role, int layer, int expert, string suffix)
    {
        foreach (var name in names.Of(role, layer, expert, suffix))
        {
            if (file.Tensors.TryGetValue(name, out var tensor))
            {
                return tensor;
            }
        }

        return null;
    }

    private FileTensor Require(TensorRole role, int layer, int expert, string suffix) =>
        Find(role, layer, expert, suffix) ?? throw new FileFormatException(
            file.Path, $"tensor {(names.Of(role, layer, expert, suffix) is [var name, ..] ? name : role)} is missing; the configuration asks for it");
}
