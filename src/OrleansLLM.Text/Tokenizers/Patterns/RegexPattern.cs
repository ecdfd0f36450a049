using System.Buffers;
using System.Text.RegularExpressions;
using static System.FormattableString;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>
/// A regular expression in Oniguruma's dialect over whole characters, run by .NET's engine, which sees UTF-16 units: its
/// <see cref="CharacterForm"/> says what it sees of characters above U+FFFF.
/// </summary>
internal sealed class RegexPattern : IPattern
{
    /// <summary>A pattern that takes longer for one match is refused: it backtracks without end.</summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromMilliseconds(TimeLimitMilliseconds);

    public const int TimeLimitMilliseconds = 4000;

    private readonly Regex _regex;
    private readonly CharacterForm _form;

    /// <exception cref="TokenizerException">The pattern is malformed or uses what is not built.</exception>
    public RegexPattern(string pattern)
    {
        var translation = RegexTranslator.Translate(pattern);
        _form = translation.Form;
        try
        {
            _regex = KnownPatterns.Find(translation.Pattern)
                ?? new Regex(translation.Pattern, RegexOptions.CultureInvariant | RegexOptions.Compiled, TimeLimit);
        }
        catch (ArgumentException error)
        {
            throw new TokenizerException($"the regular expression '{pattern}' can't be compiled: {error.Message}", error);
        }
    }

    public void Find(ReadOnlySpan<char> text, List<PatternMatch> matches)
    {
        try
        {
            if (_form.Exchanges(text))
            {
                FindCharacters(text, matches);
            }
            else
            {
                FindUnits(text, [], matches);
            }
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new TokenizerException(
                Invariant($"the tokenizer's regular expression took longer than {TimeLimit.TotalSeconds} s for one match in {text.Length} characters"), error);
        }
    }

    private void FindCharacters(ReadOnlySpan<char> text, List<PatternMatch> matches)
    {
        var units = ArrayPool<char>.Shared.Rent(text.Length * _form.MaxUnits);
        var positions = ArrayPool<int>.Shared.Rent((text.Length * _form.MaxUnits) + 1);
        try
        {
            var count = 0;
            for (var i = 0; i < text.Length; i += Runes.LengthAt(text, i))
            {
                var rune = Runes.At(text, i);
                var written = _form.WriteUnits(rune, units.AsSpan(count));
                positions.AsSpan(count, written).Fill(i);
                count += written;
            }

            positions[count] = text.Length;
            FindUnits(units.AsSpan(0, count), positions, matches);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(units);
            ArrayPool<int>.Shared.Return(positions);
        }
    }

    /// <summary>Adds the parts of units whose places in the text are <paramref name="positions"/>, or the same where that is empty.</summary>
    private void FindUnits(ReadOnlySpan<char> units, ReadOnlySpan<int> positions, List<PatternMatch> matches)
    {
        var budget = new TimeBudget(units.Length);
        var gap = 0;
        var anyMatch = false;
        foreach (var match in _regex.EnumerateMatches(units))
        {
            budget.Check();
            if (match.Length == 0 && match.Index == gap && anyMatch)
            {
                continue;
            }

            if (gap < match.Index)
            {
                matches.Add(Part(positions, gap, match.Index, isMatch: false));
            }

            gap = match.Index + match.Length;
            anyMatch = true;
            matches.Add(Part(positions, match.Index, gap, isMatch: true));
        }

        if (gap < units.Length)
        {
            matches.Add(Part(positions, gap, units.Length, isMatch: false));
        }
    }

    private static PatternMatch Part(ReadOnlySpan<int> positions, int start, int end, bool isMatch) => positions.IsEmpty
        ? new PatternMatch(start, end, isMatch)
        : new PatternMatch(positions[start], positions[end], isMatch);
}
