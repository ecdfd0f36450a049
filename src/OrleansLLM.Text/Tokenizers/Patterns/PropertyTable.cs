using System.Globalization;
using System.Reflection;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>A table of properties of characters in a text that is part of the assembly: names, a colon, ranges of code points.</summary>
internal sealed class PropertyTable
{
    private readonly Dictionary<string, string> _rows = new(StringComparer.Ordinal);

    public IEnumerable<string> Names => _rows.Keys;

    /// <param name="resource">The text's name; its names are separated by commas, and a line that begins with # is for people.</param>
    public static PropertyTable Read(string resource)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"{resource} is missing in the assembly.");
        using var reader = new StreamReader(stream);
        var table = new PropertyTable();
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            foreach (var name in line[..colon].Split(", "))
            {
                table._rows.Add(name, line[(colon + 1)..]);
            }
        }

        return table;
    }

    /// <summary>The characters of a row, or null.</summary>
    public CodePointSet? Find(string name) => _rows.TryGetValue(name, out var ranges)
        ? CodePointSet.Of(ranges.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(range => range.Split('-'))
            .Select(ends => (Hex(ends[0]), Hex(ends[^1]))))
        : null;

    private static int Hex(string digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
