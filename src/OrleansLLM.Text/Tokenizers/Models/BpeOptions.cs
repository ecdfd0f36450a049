using System.Globalization;

namespace OrleansLLM.Text.Tokenizers.Models;

/// <summary>How a BPE model treats its pieces.</summary>
internal sealed record BpeOptions
{
    /// <summary>Put before every character of a piece but the first.</summary>
    public string ContinuingPrefix { get; init; } = string.Empty;

    /// <summary>Put behind a piece's last character.</summary>
    public string EndOfWordSuffix { get; init; } = string.Empty;

    /// <summary>What a character becomes that is not in the vocabulary; without it, such characters vanish.</summary>
    public int? UnknownId { get; init; }

    public UnknownRuns UnknownRuns { get; init; }

    public WholePieces WholePieces { get; init; }

    /// <summary>The ids of &lt;0x00&gt; to &lt;0xFF&gt; that stand for the bytes of an unknown character, -1 where there is none; empty: no fallback.</summary>
    public IReadOnlyList<int> ByteIds { get; init; } = [];

    public static IReadOnlyList<int> FindByteIds(Vocabulary vocabulary) => [.. Enumerable.Range(0, 256)
        .Select(value => vocabulary.TryGetId(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), out var id) ? id : -1)];
}

/// <summary>Whether neighbouring unknown characters are one token.</summary>
internal enum UnknownRuns
{
    Separate,
    Fused,
}

/// <summary>Whether a piece that is in the vocabulary is one token, whatever the merges say.</summary>
internal enum WholePieces
{
    Merged,
    LookedUp,
}
