using System.Globalization;
using System.Text.Json;
using static System.FormattableString;

namespace OrleansLLM.Text.Tokenizers.Models;

/// <summary>Reads a BPE <c>model</c>: {"vocab": {string: id}, "merges": ["a b"] or [["a", "b"]], settings}.</summary>
internal static class BpeModelReader
{
    /// <exception cref="TokenizerException">The section is malformed.</exception>
    public static ITokenModel Read(ModelSection section)
    {
        var vocabulary = JsonVocabulary.Read(section.Vocabulary.Span);
        var prefix = section.Text("continuing_subword_prefix") ?? string.Empty;
        var merges = JsonMerges.Read(section.Merges.Span, vocabulary, prefix.Length);
        var unknown = section.Text("unk_token");
        return new BpeModel(vocabulary, merges, new BpeOptions
        {
            ContinuingPrefix = prefix,
            EndOfWordSuffix = section.Text("end_of_word_suffix") ?? string.Empty,
            UnknownId = unknown is not null && vocabulary.TryGetId(unknown, out var id) ? id : null,
            UnknownRuns = section.Flag("fuse_unk") ? UnknownRuns.Fused : UnknownRuns.Separate,
            WholePieces = section.Flag("ignore_merges") ? WholePieces.LookedUp : WholePieces.Merged,
            ByteIds = section.Flag("byte_fallback") ? BpeOptions.FindByteIds(vocabulary) : [],
        });
    }
}

/// <summary>Reads {string: id} without allocating a string an entry.</summary>
internal static class JsonVocabulary
{
    /// <summary>A vocabulary of typical strings has an entry in this many bytes; a guess for the tables' first size.</summary>
    private const int BytesPerEntry = 16;

    public static Vocabulary Read(ReadOnlySpan<byte> json)
    {
        var vocabulary = new Vocabulary(json.Length / BytesPerEntry);
        var reader = new Utf8JsonReader(json);
        var token = new char[256];
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new TokenizerException($"model.vocab is {reader.TokenType}, an object of strings and ids is expected");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var length = JsonStrings.Copy(ref reader, ref token);
            if (!reader.Read() || reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out var id))
            {
                var given = System.Text.Encoding.UTF8.GetString(reader.ValueSpan);
                throw new TokenizerException($"model.vocab: the id of '{token.AsSpan(0, length)}' is {given}; it must be a whole number from 0 to {Vocabulary.MaxId}");
            }

            vocabulary.Add(token.AsSpan(0, length), id);
        }

        return vocabulary;
    }
}

/// <summary>Reads merges; each must join two strings of the vocabulary into a third.</summary>
internal static class JsonMerges
{
    private const int BytesPerMerge = 20;

    public static MergeTable Read(ReadOnlySpan<byte> json, Vocabulary vocabulary, int prefixLength)
    {
        var merges = new MergeTable(json.Length / BytesPerMerge);
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            throw new TokenizerException("model.merges is no list");
        }

        var rank = 0;
        var left = new char[256];
        var right = new char[256];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.String)
            {
                var length = JsonStrings.Copy(ref reader, ref left);
                var line = left.AsSpan(0, length);
                if (!line.StartsWith("#version", StringComparison.Ordinal))
                {
                    MergeAdder.Add(merges, vocabulary, line, prefixLength, rank++);
                }
            }
            else
            {
                var (leftLength, rightLength) = ReadPair(ref reader, ref left, ref right, rank);
                MergeAdder.Add(merges, vocabulary, left.AsSpan(0, leftLength), right.AsSpan(0, rightLength), prefixLength, rank++);
            }
        }

        return merges;
    }

    private static (int Left, int Right) ReadPair(ref Utf8JsonReader reader, ref char[] left, ref char[] right, int rank)
    {
        if (reader.TokenType == JsonTokenType.StartArray && reader.Read() && reader.TokenType == JsonTokenType.String)
        {
            var leftLength = JsonStrings.Copy(ref reader, ref left);
            if (reader.Read() && reader.TokenType == JsonTokenType.String)
            {
                var rightLength = JsonStrings.Copy(ref reader, ref right);
                if (reader.Read() && reader.TokenType == JsonTokenType.EndArray)
                {
                    return (leftLength, rightLength);
                }
            }
        }

        throw new TokenizerException(Invariant($"model.merges[{rank}] is no pair of strings"));
    }
}

internal static class MergeAdder
{
    /// <summary>Adds a merge written as two strings with a space between.</summary>
    /// <exception cref="TokenizerException">The line is malformed, or a part is not in the vocabulary.</exception>
    public static void Add(MergeTable merges, Vocabulary vocabulary, ReadOnlySpan<char> line, int prefixLength, int rank)
    {
        var space = line.IndexOf(' ');
        if (space < 0 || line[(space + 1)..].Contains(' '))
        {
            throw new TokenizerException(string.Create(CultureInfo.InvariantCulture, $"merge {rank} is '{line}', two strings with a space between are expected"));
        }

        Add(merges, vocabulary, line[..space], line[(space + 1)..], prefixLength, rank);
    }

    /// <exception cref="TokenizerException">A part, or what they merge into, is not in the vocabulary.</exception>
    public static void Add(
        MergeTable merges, Vocabulary vocabulary, ReadOnlySpan<char> left, ReadOnlySpan<char> right, int prefixLength, int rank)
    {
        var length = left.Length + right.Length - prefixLength;
        if (right.Length < prefixLength)
        {
            throw new TokenizerException(string.Create(CultureInfo.InvariantCulture, $"merge {rank}: '{right}' is shorter than the continuing prefix"));
        }

        Span<char> merged = length <= 256 ? stackalloc char[length] : new char[length];
        left.CopyTo(merged);
        right[prefixLength..].CopyTo(merged[left.Length..]);
        merges.Add(Id(vocabulary, left, rank), Id(vocabulary, right, rank), rank, Id(vocabulary, merged, rank));
    }

    private static int Id(Vocabulary vocabulary, ReadOnlySpan<char> token, int rank) => vocabulary.TryGetId(token, out var id)
        ? id
        : throw new TokenizerException(string.Create(CultureInfo.InvariantCulture, $"merge {rank} needs the token '{token}', which is not in the vocabulary"));
}

internal static class JsonStrings
{
    /// <summary>Copies the reader's string or property name, into a longer buffer if need be; returns its length.</summary>
    public static int Copy(ref Utf8JsonReader reader, ref char[] buffer)
    {
        if (reader.ValueSpan.Length > buffer.Length)
        {
            buffer = new char[reader.ValueSpan.Length * 2];
        }

        try
        {
            return reader.CopyString(buffer);
        }
        catch (InvalidOperationException error)
        {
            throw new TokenizerException("a string of the vocabulary or the merges is no valid text", error);
        }
    }
}
