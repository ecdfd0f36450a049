using System.Buffers;
using System.Text;

namespace OrleansLLM.Gateway.Answers;

/// <summary>How far a client has an answer's choice.</summary>
internal enum ChoiceStage
{
    /// <summary>It has nothing.</summary>
    None,

    /// <summary>It has the chunk that opens the choice, or does not need one.</summary>
    Opened,

    /// <summary>It has the prompt, where that is repeated.</summary>
    Echoed,

    /// <summary>It has all.</summary>
    Ended,
}

/// <param name="Tokens">Of the answer whose text the client has, those included that have none.</param>
internal readonly record struct ChoiceProgress(ChoiceStage Stage, int Tokens);

/// <summary>
/// Where a client stands in a stream: the id of each of its events, so that the client holds the cursor and the server nothing.
/// <code>
/// ADDRESS:1:0:STATES     1 = version; 1 instead of 0 once the usage was sent
/// state:                 4 × tokens + stage, five bits a digit, the lowest first; a digit of 32 or more is not the last
/// </code>
/// A state takes one digit at the start and seven at most, so that 512 choices fit into <see cref="MostCharacters"/>. One text for each cursor: what is
/// written in another way is none. For one writer at a time.
/// </summary>
internal sealed class StreamCursor(AnswerAddress of, int choices)
{
    public const int MostCharacters = 4096;

    private const string Version = "1";
    private const string Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    private const int DigitBits = 5;
    private const int More = 1 << DigitBits;
    private const int StageBits = 2;

    private static readonly SearchValues<char> DigitValues = SearchValues.Create(Digits);

    private readonly ChoiceProgress[] _choices = new ChoiceProgress[choices];
    private readonly byte[] _address = Encoding.ASCII.GetBytes(of.ToString());

    public AnswerAddress Of { get; } = of;

    /// <summary>How many it tells of.</summary>
    public int Choices => _choices.Length;

    public bool HasUsage { get; set; }

    /// <param name="choice">Its index in the answer, also where the cursor tells of it alone.</param>
    public ChoiceProgress this[int choice]
    {
        get => _choices[choice - First];
        set => _choices[choice - First] = value;
    }

    private int First => Of.Choice ?? 0;

    /// <summary>Null where the text is no cursor.</summary>
    public static StreamCursor? Parse(string text)
    {
        var parts = text.Split(':');
        if (text.Length > MostCharacters
            || parts is not [var address, Version, "0" or "1", var digits]
            || !AnswerAddress.TryParse(address, out var of)
            || digits.AsSpan().ContainsAnyExcept(DigitValues))
        {
            return null;
        }

        var choices = new List<ChoiceProgress>();
        for (var at = 0; at < digits.Length;)
        {
            if (ParseState(digits, ref at) is not { } choice)
            {
                return null;
            }

            choices.Add(choice);
        }

        var cursor = new StreamCursor(of, choices.Count) { HasUsage = parts[2] == "1" };
        choices.CopyTo(cursor._choices);
        return choices.Count > 0 && (of.Choice is null || choices.Count == 1) ? cursor : null;
    }

    /// <summary>The part of an answer's cursor that tells of one choice.</summary>
    public StreamCursor Only(int choice) => new(new AnswerAddress(Of.Answer, choice), 1) { [choice] = this[choice] };

    /// <summary>Moves behind a piece of an answer.</summary>
    public void Advance(int choice, AnswerDelta delta)
    {
        var stage = delta.End is not null ? ChoiceStage.Ended : delta.IsEcho ? ChoiceStage.Echoed : this[choice].Stage;
        this[choice] = new ChoiceProgress(stage, delta.Drawn);
    }

    /// <summary>Gives how many bytes it wrote.</summary>
    public int WriteTo(IBufferWriter<byte> to)
    {
        var head = HasUsage ? ":1:1:"u8 : ":1:0:"u8;
        to.Write(_address);
        to.Write(head);
        var bytes = _address.Length + head.Length;
        foreach (var choice in _choices)
        {
            var rest = ((long)choice.Tokens << StageBits) | (long)choice.Stage;
            var span = to.GetSpan(8);
            var length = 0;
            do
            {
                var digit = (int)(rest & (More - 1));
                rest >>= DigitBits;
                span[length++] = (byte)Digits[rest > 0 ? digit | More : digit];
            }
            while (rest > 0);

            to.Advance(length);
            bytes += length;
        }

        return bytes;
    }

    public override string ToString()
    {
        var bytes = new ArrayBufferWriter<byte>();
        WriteTo(bytes);
        return Encoding.ASCII.GetString(bytes.WrittenSpan);
    }

    /// <summary>Null where the digits are cut off, of another length than they need, or of a state that can't be.</summary>
    private static ChoiceProgress? ParseState(string digits, ref int at)
    {
        var value = 0L;
        for (var shift = 0; at < digits.Length && shift <= 30; shift += DigitBits)
        {
            var digit = Digits.IndexOf(digits[at++], StringComparison.Ordinal);
            value |= (long)(digit & (More - 1)) << shift;
            if (digit < More)
            {
                var choice = new ChoiceProgress((ChoiceStage)(value & 3), (int)Math.Min(value >> StageBits, int.MaxValue));
                var isShortest = digit > 0 || shift == 0;
                var canBe = value >> StageBits <= int.MaxValue && (choice.Stage != ChoiceStage.None || choice.Tokens == 0);
                return isShortest && canBe ? choice : null;
            }
        }

        return null;
    }
}
