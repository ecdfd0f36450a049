using OrleansLLM.Compute;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Loading;

namespace OrleansLLM.Models.Tests;

public class CacheLayoutsTests
{
    private static readonly ModelLoadOptions Options = new(1, 16, ElementType.BFloat16);

    [Fact]
    public void Layers_of_one_lifetime_are_one_group()
    {
        var (layout, places) = CacheLayouts.Cut(Config(0, 0, 0), Options);
        Assert.Equal([new CacheGroup(0)], layout.Groups);
        Assert.Equal(new KvGeometry(16, 3, 2, 8, 8, ElementType.BFloat16), layout.Geometry);
        Assert.Equal([new(0, 0), new(0, 1), new(0, 2)], places);
    }

    [Fact]
    public void The_rarest_kind_gives_the_layers_of_a_block()
    {
        var (layout, places) = CacheLayouts.Cut(Config(64, 0, 64, 64, 0, 64, 64), Options);
        Assert.Equal(2, layout.Geometry.LayersPerBlock);
        Assert.Equal([new CacheGroup(64), new CacheGroup(64), new CacheGroup(64), new CacheGroup(0)], layout.Groups);
        Assert.Equal([new(0, 0), new(3, 0), new(0, 1), new(1, 0), new(3, 1), new(1, 1), new(2, 0)], places);
    }

    private static ModelConfig Config(params int[] windows) => new()
    {
        Architecture = "test",
        Layers = windows.Length,
        Width = 16,
        Heads = 2,
        KeyHeads = 2,
        HeadWidth = 8,
        Inner = 32,
        Vocabulary = 10,
        MaxLength = 100,
        Epsilon = 1e-5f,
        Activation = Activation.Silu,
        Windows = windows,
        Head = HeadTying.Separate,
        AttentionScale = 1,
    };
}
