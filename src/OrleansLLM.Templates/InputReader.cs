using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates;

/// <summary>JSON to values. Strings count as input: special tokens in them are plain text.</summary>
internal static class InputReader
{
    // Templates build special tokens of a role, such as <|user|>; these few names are part of the protocol, not of what a user wrote.
    private static readonly string[] Roles = ["system", "user", "assistant", "tool", "developer", "function"];

    public static Value Read(JsonNode? node)
    {
        Value.GuardStack();
        try
        {
            return node switch
            {
                null => NoneValue.Instance,
                JsonArray array => new ListValue([.. array.Select(Read)]),
                JsonObject properties => ReadObject(properties),
                _ => ReadScalar(node),
            };
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException)
        {
            throw TemplateError.Value($"the messages hold JSON that can't be read: {error.Message}");
        }
    }

    /// <summary>The conversation; the roles that the protocol names are the template's, not the user's.</summary>
    public static Value ReadMessages(JsonNode? messages)
    {
        var read = Read(messages);
        foreach (var message in read is ListValue list ? list.Items.OfType<DictValue>() : [])
        {
            if (message.Get("role") is TextValue role && Roles.Contains(role.Text))
            {
                message.Set(new TextValue("role"), new TextValue(role.Text));
            }
        }

        return read;
    }

    private static DictValue ReadObject(JsonObject properties)
    {
        var dict = new DictValue();
        foreach (var (name, value) in properties)
        {
            dict.Set(TextValue.FromInput(name), Read(value));
        }

        return dict;
    }

    private static Value ReadScalar(JsonNode node) => node.GetValueKind() switch
    {
        JsonValueKind.String => TextValue.FromInput(node.GetValue<string>()),
        JsonValueKind.True => IntValue.True,
        JsonValueKind.False => IntValue.False,
        JsonValueKind.Number => ReadNumber(node.ToJsonString()),
        _ => NoneValue.Instance,
    };

    private static Value ReadNumber(string text)
    {
        if (text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0)
        {
            return new FloatValue(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture));
        }

        return text.Length <= IntValue.MaxDigits
            ? IntValue.Of(BigInteger.Parse(text, CultureInfo.InvariantCulture))
            : throw TemplateError.Limit($"an integer of more than {IntValue.MaxDigits} digits");
    }
}
