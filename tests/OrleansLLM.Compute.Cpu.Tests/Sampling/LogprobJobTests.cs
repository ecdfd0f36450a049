using OrleansLLM.Testing;
using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Cpu.Tests.Sampling;

/// <summary>Log probabilities of small rows, with ties, against the reference device.</summary>
public sealed class LogprobJobTests
{
    private const int MaxTop = 6;
    private const int Rows = 3;

    [Fact]
    public void Small_vocabularies_with_ties_agree_with_the_reference_and_other_rows_stay_as_they_were()
    {
        var random = new Random(48);
        using var device = TestDevices.Create(threads: 1);
        using var reference = new ReferenceDevice();
        for (var round = 0; round < 1500; round++)
        {
            var size = random.Next(1, round % 50 == 0 ? 2100 : 40);
            var logits = Arrange.Numbers(random, Rows * size);
            for (var i = 0; i < logits.Length && round % 2 == 0; i++)
            {
                logits[i] = MathF.Round(logits[i]);
            }

            int[] chosen = [.. Enumerable.Range(0, Rows).Select(_ => random.Next(size))];
            int[] top = [.. Enumerable.Range(0, Rows).Select(_ => random.Next(-1, Math.Min(MaxTop, size) + 1))];
            var firstRow = random.Next(3);
            var (expected, actual) = (Run(reference), Run(device));
            Assert.Equal(expected.Rank, actual.Rank);
            Assert.Equal(expected.TopIds, actual.TopIds);
            Arrange.AssertClose(expected.Chosen, actual.Chosen, 1e-5);
            Arrange.AssertClose(expected.TopLogprobs, actual.TopLogprobs, 1e-5);

            LogprobResult Run(IDevice on)
            {
                var result = new LogprobResult(Rows + 3, MaxTop);
                result.Chosen.AsSpan().Fill(9);
                result.Rank.AsSpan().Fill(9);
                result.TopIds.AsSpan().Fill(9);
                result.TopLogprobs.AsSpan().Fill(9);
                on.Logprobs(Arrange.Upload(on, logits, Rows, size), chosen, top, firstRow, result);
                return result;
            }
        }
    }
}
