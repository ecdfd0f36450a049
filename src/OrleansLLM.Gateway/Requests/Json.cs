using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Gateway.Http;

namespace OrleansLLM.Gateway.Requests;

/// <summary>Reading of JSON that a stranger wrote: no value makes these throw.</summary>
internal static class Json
{
    /// <summary>A whole number, also when written as 3.0 or 3e0.</summary>
    public static bool TryGetInteger(JsonView value, out long number)
    {
        number = 0;
        if (value.ValueKind != JsonValueKind.Number)
        {
            return false;
        }

        if (value.TryGetInt64(out number))
        {
            return true;
        }

        if (!value.TryGetDouble(out var real) || real != Math.Floor(real) || Math.Abs(real) > 1L << 53)
        {
            return false;
        }

        number = (long)real;
        return true;
    }

    public static bool TryGetNumber(JsonView value, out double number)
    {
        number = 0;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out number) && double.IsFinite(number);
    }

    /// <summary>Null where the value is no string, or holds half a surrogate pair, which is no text.</summary>
    public static string? GetString(JsonView value)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>A value of one's own; false where a string in it is no text, or it holds more than <paramref name="left"/> values.</summary>
    public static bool TryCopy(JsonView value, ref int left, out JsonNode? copy)
    {
        copy = null;
        if (--left < 0)
        {
            return false;
        }

        switch (value.ValueKind)
        {
            case JsonValueKind.Null:
                return true;
            case JsonValueKind.String:
                copy = GetString(value) is { } text ? JsonValue.Create(text) : null;
                return copy is not null;
            case JsonValueKind.Array:
                return TryCopyList(value, ref left, out copy);
            case JsonValueKind.Object:
                return TryCopyMembers(value, ref left, out copy);
            default:
                copy = value.CopyScalar();
                return true;
        }
    }

    /// <summary>A value in an error message, bounded.</summary>
    public static string Describe(JsonView value) => value.ValueKind switch
    {
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        JsonValueKind.String => GetString(value) is null ? "a string with half a surrogate pair" : "a string",
        _ => ApiError.Shorten(value.GetRawText(most: 65)),
    };

    private static bool TryCopyList(JsonView value, ref int left, out JsonNode? copy)
    {
        var list = new JsonArray();
        copy = list;
        foreach (var item in value.EnumerateArray())
        {
            if (!TryCopy(item, ref left, out var node))
            {
                return false;
            }

            list.Add(node);
        }

        return true;
    }

    private static bool TryCopyMembers(JsonView value, ref int left, out JsonNode? copy)
    {
        var members = new JsonObject();
        copy = members;
        foreach (var member in value.EnumerateObject())
        {
            if (!TryCopy(member.Value, ref left, out var node))
            {
                return false;
            }

            members[member.Name] = node;
        }

        return true;
    }
}
