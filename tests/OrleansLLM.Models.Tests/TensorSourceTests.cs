using OrleansLLM.Compute;
using OrleansLLM.Files;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models.Tests;

public class TensorSourceTests
{
    [Fact]
    public void Interleaved_rows_come_back_as_halves() =>
        Assert.Equal([0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11], Enumerable.Range(0, 12).Select(row => UninterleavedSource.FileRow(row, 6, 6)));

    [Fact]
    public void Rows_of_a_head_that_do_not_turn_stay_where_they_are() =>
        Assert.Equal([0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11], Enumerable.Range(0, 12).Select(row => UninterleavedSource.FileRow(row, 6, 4)));

    [Fact]
    public async Task A_turned_matrix_gives_columns_as_rows_to_any_thread()
    {
        const int Inputs = 5;
        const int Outputs = 77;
        var path = Path.GetTempFileName();
        await File.WriteAllBytesAsync(
            path, [.. Enumerable.Range(0, Inputs * Outputs).SelectMany(i => BitConverter.GetBytes((float)i))], TestContext.Current.CancellationToken);
        using (var file = MappedFile.Open(path))
        {
            var tensor = new FileTensor(file, "w", "F32", [Inputs, Outputs], 0, file.Length);
            var source = new TransposedSource(tensor, WeightFormats.F32, Outputs, Inputs);
            Parallel.For(0, Outputs, row =>
            {
                var values = new float[Inputs];
                source.Format.Decode(source.Row(row), values);
                Assert.Equal(Enumerable.Range(0, Inputs).Select(input => (float)((input * Outputs) + row)), values);
            });
        }

        File.Delete(path);
    }
}
