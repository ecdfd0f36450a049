using OrleansLLM.Compute;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Layers;

namespace OrleansLLM.Models.Loading;

/// <summary>
/// Cuts layers into cache groups: layers of one window, as many a group as the rarest kind has, so that every block takes the same bytes
/// and none is left half empty but the last of a kind.
/// <code>
/// windows 16, 0, 16:  | group 0: layer 0 | group 1: layer 2 | group 2: layer 1 |   one layer a block
/// </code>
/// </summary>
internal static class CacheLayouts
{
    public static (CacheLayout Layout, CachePlace[] Places) Cut(ModelConfig config, ModelLoadOptions options)
    {
        var kinds = config.Windows.Select((window, layer) => (Window: window, Layer: layer)).GroupBy(item => item.Window).ToList();
        var layersPerBlock = kinds.Min(kind => kind.Count());
        var groups = new List<CacheGroup>();
        var places = new CachePlace[config.Layers];
        foreach (var kind in kinds)
        {
            foreach (var chunk in kind.Chunk(layersPerBlock))
            {
                for (var index = 0; index < chunk.Length; index++)
                {
                    places[chunk[index].Layer] = new(groups.Count, index);
                }

                groups.Add(new(kind.Key));
            }
        }

        var geometry = new KvGeometry(options.BlockSize, layersPerBlock, config.KeyHeads, config.HeadWidth, config.HeadWidth, options.CacheType);
        return (new(geometry, groups), places);
    }
}
