using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Decoders;

/// <summary>Tokens of GPT-2's byte alphabet; one that holds another character stands for its own UTF-8 bytes.</summary>
internal sealed class ByteLevelDecoder : ITokenDecoder
{
    public void Decode(List<string> tokens)
    {
        var bytes = new List<byte>();
        foreach (var token in tokens)
        {
            Append(token, bytes);
        }

        tokens.Clear();
        tokens.Add(Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes)));
    }

    public static void Append(ReadOnlySpan<char> token, List<byte> bytes)
    {
        var start = bytes.Count;
        foreach (var character in token)
        {
            if (!ByteCharacters.TryToByte(character, out var value))
            {
                System.Runtime.InteropServices.CollectionsMarshal.SetCount(bytes, start + Encoding.UTF8.GetByteCount(token));
                Encoding.UTF8.GetBytes(token, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes)[start..]);
                return;
            }

            bytes.Add(value);
        }
    }
}

/// <summary>
/// Joins runs of tokens such as &lt;0xE4&gt; into characters; where a run is no UTF-8, each of its tokens becomes U+FFFD.
/// </summary>
internal sealed class ByteFallbackDecoder : ITokenDecoder
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static bool TryParse(string token, out byte value)
    {
        value = 0;
        return token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    public void Decode(List<string> tokens)
    {
        if (!tokens.Exists(token => TryParse(token, out _)))
        {
            return;
        }

        var result = new List<string>(tokens.Count);
        var run = new List<byte>();
        foreach (var token in tokens)
        {
            if (TryParse(token, out var value))
            {
                run.Add(value);
                continue;
            }

            Flush(run, result);
            result.Add(token);
        }

        Flush(run, result);
        tokens.Clear();
        tokens.AddRange(result);
    }

    private static void Flush(List<byte> run, List<string> result)
    {
        if (run.Count == 0)
        {
            return;
        }

        if (System.Text.Unicode.Utf8.IsValid(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(run)))
        {
            result.Add(Strict.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(run)));
        }
        else
        {
            result.Add(new string('\uFFFD', run.Count));
        }

        run.Clear();
    }
}
