namespace OrleansLLM.Text.Tokenizers;

/// <summary>
/// GPT-2's alphabet of bytes (Radford et al. 2019, encoder.py): a printable character for each byte; those that Latin-1 can't print follow
/// from U+0100.
/// </summary>
internal static class ByteCharacters
{
    private const int NotAByte = -1;

    private static readonly char[] Characters = Build();
    private static readonly short[] Bytes = Invert();

    /// <summary>One more than the last character of the alphabet.</summary>
    public const int End = 0x144;

    public static char ToCharacter(byte value) => Characters[value];

    public static bool TryToByte(char character, out byte value)
    {
        var found = character < End ? Bytes[character] : NotAByte;
        value = (byte)found;
        return found != NotAByte;
    }

    /// <summary>The bytes that a token of this alphabet stands for; false where it holds another character.</summary>
    public static bool TryToBytes(ReadOnlySpan<char> token, Span<byte> bytes)
    {
        for (var i = 0; i < token.Length; i++)
        {
            if (!TryToByte(token[i], out bytes[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static char[] Build()
    {
        var characters = new char[256];
        var next = 0x100;
        for (var value = 0; value < 256; value++)
        {
            var isPrintable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            characters[value] = (char)(isPrintable ? value : next++);
        }

        return characters;
    }

    private static short[] Invert()
    {
        var bytes = new short[End];
        Array.Fill(bytes, (short)NotAByte);
        for (var value = 0; value < 256; value++)
        {
            bytes[Characters[value]] = (short)value;
        }

        return bytes;
    }
}
