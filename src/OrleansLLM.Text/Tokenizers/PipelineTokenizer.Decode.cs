using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using OrleansLLM.Text.Tokenizers.Decoders;

namespace OrleansLLM.Text.Tokenizers;

/// <content>From ids to text.</content>
internal sealed partial class PipelineTokenizer
{
    /// <summary>Stands for the text around a token whose own bytes are asked for.</summary>
    private const string Neighbour = "a";

    private readonly bool _isByteLevel = parts.Decoder is ByteLevelDecoder;

    public override string Decode(ReadOnlySpan<int> ids, SpecialTokens special)
    {
        if (_isByteLevel)
        {
            var bytes = new List<byte>(ids.Length * 4);
            foreach (var id in ids)
            {
                AppendBytes(id, special, bytes);
            }

            return Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(bytes));
        }

        var tokens = new List<string>(ids.Length);
        foreach (var id in ids)
        {
            if (IsShown(id, special) && GetToken(id) is { } token)
            {
                tokens.Add(token);
            }
        }

        return DecodeTokens(tokens);
    }

    public override IStreamDecoder CreateStreamDecoder(SpecialTokens special) => _isByteLevel ? new ByteStreamDecoder(this, special)
        : parts.Decoder.TellsLastApart ? new HoldingStreamDecoder(this, special)
        : new WindowStreamDecoder(this, special);

    public override ReadOnlyMemory<byte> GetBytes(int id)
    {
        if (_isByteLevel || parts.Added.Tokens.ContainsKey(id))
        {
            var bytes = new List<byte>();
            AppendBytes(id, SpecialTokens.Keep, bytes);
            return bytes.ToArray();
        }

        if (GetToken(id) is not { } token)
        {
            return ReadOnlyMemory<byte>.Empty;
        }

        return ByteFallbackDecoder.TryParse(token, out var value) && DecodeTokens([token]) != token
            ? new[] { value }
            : Encoding.UTF8.GetBytes(TextBetweenNeighbours(token));
    }

    public override string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return Decode(ids.ToArray(), SpecialTokens.Keep);
    }

    /// <summary>Decodes as many whole tokens as the destination holds; special tokens are kept.</summary>
    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        ArgumentNullException.ThrowIfNull(ids);
        (idsConsumed, charsWritten) = (0, 0);
        var all = ids.ToArray();
        if (Decode(all, SpecialTokens.Keep) is var whole && whole.TryCopyTo(destination))
        {
            (idsConsumed, charsWritten) = (all.Length, whole.Length);
            return OperationStatus.Done;
        }

        var decoder = CreateStreamDecoder(SpecialTokens.Keep);
        var read = 0;
        foreach (var id in all)
        {
            var text = decoder.Add(id);
            read++;
            if (text.Length > destination.Length - charsWritten)
            {
                return OperationStatus.DestinationTooSmall;
            }

            text.CopyTo(destination[charsWritten..]);
            charsWritten += text.Length;
            idsConsumed = text.Length > 0 ? read : idsConsumed;
        }

        var rest = decoder.Finish();
        if (rest.Length > destination.Length - charsWritten)
        {
            return OperationStatus.DestinationTooSmall;
        }

        rest.CopyTo(destination[charsWritten..]);
        charsWritten += rest.Length;
        idsConsumed = read;
        return OperationStatus.Done;
    }

    /// <summary>Whether an id has text at all.</summary>
    internal bool IsShown(int id, SpecialTokens special) => parts.Added.Tokens.TryGetValue(id, out var token)
        ? special == SpecialTokens.Keep || !token.Has(AddedTokenFlags.Special)
        : _vocabulary.Contains(id);

    /// <summary>Adds the bytes of a byte-level token.</summary>
    internal void AppendBytes(int id, SpecialTokens special, List<byte> bytes)
    {
        if (IsShown(id, special))
        {
            ByteLevelDecoder.Append(parts.Added.Tokens.TryGetValue(id, out var token) ? token.Content : _vocabulary.Find(id), bytes);
        }
    }

    private string TextBetweenNeighbours(string token)
    {
        var tail = DecodeTokens([Neighbour, Neighbour])[Neighbour.Length..];
        var text = DecodeTokens([Neighbour, token, Neighbour]);
        text = text.StartsWith(Neighbour, StringComparison.Ordinal) ? text[Neighbour.Length..] : text;
        return text.EndsWith(tail, StringComparison.Ordinal) ? text[..^tail.Length] : text;
    }

    /// <summary>The text of the vocabulary's strings; the list is written over.</summary>
    internal string DecodeTokens(List<string> tokens)
    {
        if (tokens.Count == 0)
        {
            return string.Empty;
        }

        parts.Decoder.Decode(tokens);
        return tokens.Count == 1 ? tokens[0] : string.Concat(tokens);
    }
}
