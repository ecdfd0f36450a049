using System.Globalization;
using System.Text.RegularExpressions;

namespace OrleansLLM.Files;

/// <summary>
/// The files of a checkpoint without an index, by their names: <c>model.safetensors</c>, else the one complete set of shards
/// (<c>model-00001-of-00003.safetensors</c>), else the only file.
/// </summary>
public static partial class WeightFiles
{
    private const string Ending = ".safetensors";

    /// <summary>Whether the folder holds weights under one of the usual names; a file of another name may be anything.</summary>
    /// <exception cref="FileFormatException">The folder can't be read.</exception>
    public static bool HasUsualNames(FolderFiles folder) => folder.Contains(SafetensorsFolder.SingleName)
        || folder.Contains(SafetensorsFolder.IndexName) || folder.NamesEndingIn(Ending).Any(name => ShardName().IsMatch(name));

    /// <returns>At least one name.</returns>
    /// <exception cref="FileFormatException">There are none, shards are missing, or the names do not tell which files count.</exception>
    internal static IReadOnlyList<string> Find(FolderFiles folder)
    {
        if (folder.Contains(SafetensorsFolder.SingleName))
        {
            return [SafetensorsFolder.SingleName];
        }

        var names = folder.NamesEndingIn(Ending);
        var sets = names.Select(name => ShardName().Match(name)).Where(match => match.Success)
            .GroupBy(match => (Stem: match.Groups["stem"].Value, Count: match.Groups["count"].Value))
            .Select(set => new ShardSet(set.Key.Stem, set.Key.Count, [.. set.Select(match => match.Groups["number"].Value)]))
            .ToList();
        var whole = sets.Where(set => set.Missing is null).ToList();
        return (whole, sets, names) switch
        {
            ([var only], _, _) => only.Names,
            ([_, _, ..], _, _) when whole.Where(set => set.Stem == "model").ToList() is [var model] => model.Names,
            ([_, _, ..], _, _) => throw Unclear(folder, whole.SelectMany(set => set.Names)),
            (_, [var part, ..], _) => throw new FileFormatException(
                folder.Path, $"{part.Missing} is missing; copy or download it, or the whole model, again"),
            (_, _, [var only]) => [only],
            (_, _, []) => throw new FileFormatException(
                folder.Path, $"holds neither {SafetensorsFolder.SingleName} nor {SafetensorsFolder.IndexName}; save the model as safetensors (save_pretrained does)"),
            _ => throw Unclear(folder, names),
        };
    }

    private static FileFormatException Unclear(FolderFiles folder, IEnumerable<string> names) => new(
        folder.Path,
        $"holds {string.Join(", ", names)}, and no {SafetensorsFolder.IndexName} to tell which count; call the weights {SafetensorsFolder.SingleName}, or add the index");

    [GeneratedRegex(@"^(?<stem>.+)-(?<number>[0-9]{1,5})-of-(?<count>[0-9]{1,5})\.safetensors$", RegexOptions.CultureInvariant)]
    private static partial Regex ShardName();

    /// <summary>Shards of one name and count; they are numbered from 1, or from 0.</summary>
    private sealed record ShardSet(string Stem, string Count, IReadOnlyList<string> Numbers)
    {
        public IReadOnlyList<string> Names { get; } = [.. Numbers.Select(number => NameOf(Stem, number, Count))];

        /// <summary>The first that is not there.</summary>
        public string? Missing
        {
            get
            {
                var there = Numbers.Select(Parse).ToHashSet();
                var missing = Enumerable.Range(there.Contains(0) ? 0 : 1, Parse(Count)).Where(number => !there.Contains(number)).ToList();
                return missing is [var first, ..]
                    ? NameOf(Stem, first.ToString(CultureInfo.InvariantCulture).PadLeft(Count.Length, '0'), Count)
                    : null;
            }
        }

        private static string NameOf(string stem, string number, string count) => $"{stem}-{number}-of-{count}{Ending}";

        private static int Parse(string digits) => int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
