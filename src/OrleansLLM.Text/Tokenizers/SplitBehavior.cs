using OrleansLLM.Text.Tokenizers.Patterns;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>What becomes of the matches when a text is split at them.</summary>
internal enum SplitBehavior
{
    /// <summary>They are dropped.</summary>
    Removed,

    /// <summary>Each is a piece.</summary>
    Isolated,

    /// <summary>Each ends the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>Each begins the piece after it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring matches are one piece.</summary>
    Contiguous,
}

internal static class SplitBehaviors
{
    public static List<PatternMatch> Apply(SplitBehavior behavior, List<PatternMatch> matches)
    {
        switch (behavior)
        {
            case SplitBehavior.Isolated:
                break;
            case SplitBehavior.Removed:
                matches.RemoveAll(match => match.IsMatch);
                break;
            case SplitBehavior.Contiguous:
                Fold(matches, (isMatch, previous) => isMatch == previous);
                break;
            case SplitBehavior.MergedWithPrevious:
                Fold(matches, (isMatch, previous) => isMatch && !previous);
                break;
            default:
                matches.Reverse();
                Fold(matches, (isMatch, previous) => isMatch && !previous);
                matches.Reverse();
                break;
        }

        return matches;
    }

    /// <summary>Joins each part to its neighbour before it in the list where <paramref name="joins"/> says so; the first one counts as behind a gap.</summary>
    private static void Fold(List<PatternMatch> matches, Func<bool, bool, bool> joins)
    {
        var count = 0;
        var previous = false;
        foreach (var match in matches.ToArray())
        {
            if (joins(match.IsMatch, previous) && count > 0)
            {
                var last = matches[count - 1];
                matches[count - 1] = last with { Start = Math.Min(last.Start, match.Start), End = Math.Max(last.End, match.End) };
            }
            else
            {
                matches[count++] = match;
            }

            previous = match.IsMatch;
        }

        matches.RemoveRange(count, matches.Count - count);
    }
}
