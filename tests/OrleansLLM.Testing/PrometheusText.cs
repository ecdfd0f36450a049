using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace OrleansLLM.Testing;

/// <summary>A line of an exposition.</summary>
public sealed record PrometheusSample(string Name, IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>
/// Reads Prometheus' text format 0.0.4 and takes nothing that its document does not allow
/// (prometheus.io/docs/instrumenting/exposition_formats): the lines of a metric stand together behind its TYPE, no series comes twice,
/// a counter's name ends in _total, a histogram's buckets rise to +Inf and its count.
/// </summary>
public sealed partial class PrometheusText
{
    private readonly List<PrometheusSample> _samples = [];
    private readonly Dictionary<string, string> _types = [];
    private readonly HashSet<string> _described = [];
    private readonly HashSet<string> _series = [];
    private string _family = "";

    private PrometheusText()
    {
    }

    public IReadOnlyList<PrometheusSample> Samples => _samples;

    /// <exception cref="FormatException">The text breaks a rule; the message has the line.</exception>
    public static PrometheusText Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parsed = new PrometheusText();
        Require(text.EndsWith('\n') && !text.Contains('\r', StringComparison.Ordinal), "the end", "Each line ends with a line feed alone.");
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith('#'))
            {
                parsed.AddComment(line);
            }
            else
            {
                parsed.AddSample(line);
            }
        }

        foreach (var (family, _) in parsed._types.Where(type => type.Value == "histogram"))
        {
            parsed.CheckHistogram(family);
        }

        return parsed;
    }

    /// <summary>The one sample of a name that has these labels, and perhaps others.</summary>
    public double Value(string name, params (string Name, string Value)[] labels) =>
        _samples.Single(sample => sample.Name == name && Array.TrueForAll(labels, label => sample.Labels.GetValueOrDefault(label.Name) == label.Value)).Value;

    private void AddComment(string line)
    {
        if (Comment().Match(line) is not { Success: true } comment)
        {
            return;
        }

        var (kind, name, rest) = (comment.Groups[1].Value, comment.Groups[2].Value, comment.Groups[3].Value);
        if (kind == "HELP")
        {
            Require(_described.Add(name), line, "HELP comes once.");
            return;
        }

        Require(rest is "counter" or "gauge" or "histogram" or "summary" or "untyped", line, "No such type.");
        Require(_types.TryAdd(name, rest), line, "TYPE comes once, and the lines of a metric stand together.");
        Require(rest != "counter" || name.EndsWith("_total", StringComparison.Ordinal), line, "A counter ends in _total.");
        _family = name;
    }

    private void AddSample(string line)
    {
        var match = Sample().Match(line);
        Require(match.Success, line, "No sample.");
        var name = match.Groups[1].Value;
        var isPart = _types.GetValueOrDefault(_family) == "histogram"
            ? name == _family + "_bucket" || name == _family + "_sum" || name == _family + "_count"
            : name == _family;
        Require(isPart, line, $"It stands behind the TYPE of {_family}.");
        var labels = new Dictionary<string, string>();
        foreach (Match label in Label().Matches(match.Groups[2].Value))
        {
            Require(labels.TryAdd(label.Groups[1].Value, Unescape(label.Groups[2].Value)), line, "A label comes once.");
        }

        var series = name + string.Concat(labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"\n{label.Key}={label.Value}"));
        Require(_series.Add(series), line, "A series comes once.");
        _samples.Add(new PrometheusSample(name, labels, Number(match.Groups[3].Value)));
    }

    private void CheckHistogram(string family)
    {
        var buckets = _samples.Where(sample => sample.Name == family + "_bucket");
        foreach (var group in buckets.GroupBy(LabelsWithoutBound))
        {
            var bounds = group.Select(sample => Number(sample.Labels["le"])).ToList();
            var counts = group.Select(sample => sample.Value).ToList();
            Require(bounds.SequenceEqual(bounds.Distinct().Order()), family, "Bounds rise.");
            Require(counts.SequenceEqual(counts.Order()), family, "Buckets are cumulative.");
            Require(double.IsPositiveInfinity(bounds[^1]), family, "The last bound is +Inf.");
            var count = _samples.Single(sample => sample.Name == family + "_count" && LabelsWithoutBound(sample) == group.Key).Value;
            Require(count == counts[^1], family, "The last bucket is the count.");
            _ = _samples.Single(sample => sample.Name == family + "_sum" && LabelsWithoutBound(sample) == group.Key);
        }
    }

    private static string LabelsWithoutBound(PrometheusSample sample) =>
        string.Join('\n', sample.Labels.Where(label => label.Key != "le").OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}"));

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
    };

    private static string Unescape(string value)
    {
        var text = new StringBuilder();
        for (var i = 0; i < value.Length; i++)
        {
            text.Append(value[i] == '\\' ? value[++i] == 'n' ? '\n' : value[i] : value[i]);
        }

        return text.ToString();
    }

    private static void Require(bool holds, string line, string rule)
    {
        if (!holds)
        {
            throw new FormatException($"{line}: {rule}");
        }
    }

    [GeneratedRegex("^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$")]
    private static partial Regex Comment();

    [GeneratedRegex("""^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\["\\n])*"(?:,(?=[a-zA-Z_])|,?(?=\})))*\})? ([-+]?(?:[0-9][0-9.eE+-]*|Inf)|NaN)(?: -?[0-9]+)?$""")]
    private static partial Regex Sample();

    [GeneratedRegex("""([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"[,}]""")]
    private static partial Regex Label();
}
