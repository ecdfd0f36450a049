using System.Text.Json;
using static System.FormattableString;

namespace OrleansLLM.Models.Configuration;

/// <summary>config.json as transformers 4 and 5 write it.</summary>
internal sealed class FolderConfig(string path, JsonElement root) : ConfigSource(path)
{
    public override IReadOnlyList<string>? LayerTypes
    {
        get
        {
            if (!root.TryGetProperty("layer_types", out var types) || types.ValueKind == JsonValueKind.Null)
            {
                return null;
            }

            return types.ValueKind == JsonValueKind.Array && types.EnumerateArray().All(type => type.ValueKind == JsonValueKind.String)
                ? [.. types.EnumerateArray().Select(type => type.GetString()!)]
                : throw Refuse("layer_types is not a list of texts");
        }
    }

    /// <summary>The first entry of <c>architectures</c>.</summary>
    public string? ClassName => root.TryGetProperty("architectures", out var names) && names.ValueKind == JsonValueKind.Array
        ? names.EnumerateArray().FirstOrDefault() is { ValueKind: JsonValueKind.String } name ? name.GetString() : null
        : null;

    /// <summary>How the weights are quantized, if config.json says that they are.</summary>
    public string? QuantizationMethod => (Section("quantization_config") ?? Section("compression_config")) is { } section
        ? new FolderConfig(Path, section).Text("quant_method") ?? "an unnamed method"
        : null;

    public override bool Has(string name) => root.TryGetProperty(name, out _);

    public override RopeConfig Rope(int width, int maxLength, double defaultTheta)
    {
        var scaling = RopeSection("rope_parameters") ?? RopeSection("rope_scaling");
        var inner = new FolderConfig(Path, scaling ?? root);
        var theta = inner.Positive("rope_theta", Positive("rope_theta", defaultTheta));
        var turned = (int)(width * inner.Positive("partial_rotary_factor", Positive("partial_rotary_factor", 1)));
        if (turned < 2 || turned > width || turned % 2 != 0)
        {
            throw Refuse(Invariant($"rotary embedding of {turned} of {width} numbers a head is impossible; an even count from 2 to the head's width is needed"));
        }

        return Scale(inner, new(turned, theta, Kind(inner), 1, maxLength));
    }

    protected override object? Value(string name)
    {
        if (!root.TryGetProperty(name, out var value))
        {
            return null;
        }

        return value.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number when value.TryGetInt64(out var whole) => whole,
            JsonValueKind.Number => value.GetDouble(),
            _ => throw Refuse($"{name} is a JSON {value.ValueKind}, a single value is needed"),
        };
    }

    private RopeConfig Scale(FolderConfig inner, RopeConfig plain)
    {
        if (plain.Scaling == RopeScaling.Default)
        {
            return plain;
        }

        // Transformers' dynamic scaling counts from max_position_embeddings, whatever the section says.
        var original = plain.Scaling == RopeScaling.Dynamic
            ? plain.OriginalLength
            : Size("original_max_position_embeddings", inner.Size("original_max_position_embeddings", plain.OriginalLength));
        var scaled = plain with
        {
            OriginalLength = original,
            Factor = inner.Positive("factor", plain.Scaling == RopeScaling.Yarn ? (double)plain.OriginalLength / original : double.NaN),
        };
        return plain.Scaling switch
        {
            RopeScaling.Yarn => scaled with
            {
                AttentionFactor = inner.Positive("attention_factor", AttentionFactor(inner, scaled.Factor)),
                BetaFast = inner.Positive("beta_fast", 32),
                BetaSlow = inner.Positive("beta_slow", 1),
                Truncate = inner.Flag("truncate", true),
            },
            RopeScaling.Llama3 => scaled with
            {
                LowFrequencyFactor = inner.Positive("low_freq_factor", double.NaN),
                HighFrequencyFactor = inner.Positive("high_freq_factor", double.NaN),
            },
            _ => scaled,
        };
    }

    private static double AttentionFactor(FolderConfig inner, double factor)
    {
        var (mscale, all) = (inner.Number("mscale", 0), inner.Number("mscale_all_dim", 0));
        return mscale != 0 && all != 0
            ? RopeConfig.YarnScale(factor, mscale) / RopeConfig.YarnScale(factor, all)
            : RopeConfig.YarnScale(factor, 1);
    }

    private static RopeScaling Kind(FolderConfig inner) => (inner.Text("rope_type") ?? inner.Text("type") ?? "default") switch
    {
        "default" => RopeScaling.Default,
        "linear" => RopeScaling.Linear,
        "dynamic" => RopeScaling.Dynamic,
        "yarn" => RopeScaling.Yarn,
        "llama3" => RopeScaling.Llama3,
        var other => throw new UnsupportedModelException(
            inner.Path, $"rotary scaling \"{other}\" is not built; default, linear, dynamic, yarn and llama3 are"),
    };

    private JsonElement? RopeSection(string name) => Section(name) is not { } section ? null
        : section.EnumerateObject().Any(entry => entry.Value.ValueKind == JsonValueKind.Object)
            ? throw new UnsupportedModelException(Path, $"{name} differs by kind of layer; models with several rotary embeddings are not built")
            : section;

    private JsonElement? Section(string name)
    {
        if (!root.TryGetProperty(name, out var section) || section.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return section.ValueKind == JsonValueKind.Object ? section : throw Refuse($"{name} is a JSON {section.ValueKind}, an object is needed");
    }
}
