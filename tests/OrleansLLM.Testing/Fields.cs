using System.Collections;
using System.Globalization;
using System.Reflection;
using Xunit;

namespace OrleansLLM.Testing;

/// <summary>A value taken apart into its plain fields, each with its path: two values that differ are told apart by a field's name.</summary>
public static class Fields
{
    private static readonly string[] Unset = ["null", "empty", "", "\"\"", "0", "00:00:00", "False"];

    public static IReadOnlyList<KeyValuePair<string, string>> Of(object? value) => [.. Leaves(value, "")];

    /// <summary>
    /// Every field is set, and to another value than all others, so that a field that is left out and two that are swapped both show.
    /// </summary>
    public static void AllDiffer(object value)
    {
        var fields = Of(value);
        Assert.All(fields, field => Assert.DoesNotContain(field.Value, Unset));
        Assert.Distinct(fields.Select(field => field.Value));
    }

    private static IEnumerable<KeyValuePair<string, string>> Leaves(object? value, string path)
    {
        value = Unwrap(value);
        if (Plain(value) is { } plain)
        {
            return [KeyValuePair.Create(path, plain)];
        }

        return value is IEnumerable items
            ? Items(items, path)
            : value!.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance)
                .SelectMany(property => Leaves(property.GetValue(value), path.Length == 0 ? property.Name : $"{path}.{property.Name}"));
    }

    private static IEnumerable<KeyValuePair<string, string>> Items(IEnumerable items, string path)
    {
        var fields = items.Cast<object?>().SelectMany((item, index) => Leaves(item, $"{path}[{index}]")).ToList();
        return fields.Count > 0 ? fields : [KeyValuePair.Create(path, "empty")];
    }

    private static string? Plain(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        byte[] bytes => Convert.ToHexString(bytes),
        Enum number => number.ToString("D"),
        IFormattable number when value.GetType().Namespace == nameof(System) => number.ToString(null, CultureInfo.InvariantCulture),
        bool flag => flag.ToString(),
        _ => null,
    };

    /// <summary>A block of memory as an array.</summary>
    private static object? Unwrap(object? value) =>
        value?.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(ReadOnlyMemory<>)
            ? type.GetMethod(nameof(ReadOnlyMemory<>.ToArray))!.Invoke(value, null)
            : value;
}
