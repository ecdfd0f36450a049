namespace OrleansLLM.Engine.Tests;

public sealed class CacheShapeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    public void What_is_admitted_fits_alone_whatever_the_pool_the_windows_and_the_chunks(int blockSize)
    {
        var ran = 0;
        for (var blocks = 1; blocks < 24; blocks++)
        {
            foreach (var window in new[] { 1, 2, 5, 9 })
            {
                foreach (var chunk in new[] { 1, 4, 7, 16 })
                {
                    ran += Run(CoreFixture.Options(blocks, blockSize) with { MaxModelLength = 50, MaxBatchedTokens = chunk }, [window]);
                    ran += Run(CoreFixture.Options(blocks, blockSize) with { MaxModelLength = 50, MaxBatchedTokens = chunk }, [0, window]);
                }
            }
        }

        Assert.True(ran > 500);
    }

    /// <summary>The longest sequences that this engine takes; 0 where it has no room for one token.</summary>
    private static int Run(EngineOptions options, int[] windows)
    {
        CoreFixture fixture;
        try
        {
            fixture = new CoreFixture(options, windows);
        }
        catch (ArgumentException)
        {
            return 0;
        }

        using (fixture)
        {
            var length = fixture.Core.Facts.MaxLength;
            foreach (var prompt in new[] { 1, length / 2, length - 1 }.Where(prompt => prompt > 0 && prompt < length))
            {
                var id = fixture.Submit(CoreFixture.Request([.. Enumerable.Range(0, prompt).Select(i => i % 32)], length - prompt))[0];
                fixture.RunToRest();
                Assert.Equal(length, fixture.Answers[id].Tokens.Count);
            }
        }

        return 1;
    }
}
