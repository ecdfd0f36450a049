namespace OrleansLLM.Testing;

/// <summary>Options of which one can't be: so a test finds the option that a validator forgot.</summary>
public static class ImpossibleOptions
{
    /// <summary>A copy of <paramref name="sound"/> for each property that is a number, a time or a choice, with a value that it never has there.</summary>
    public static IEnumerable<(string Property, TOptions Options)> Of<TOptions>(TOptions sound)
        where TOptions : class
    {
        var clone = typeof(TOptions).GetMethod("<Clone>$")!;
        foreach (var property in typeof(TOptions).GetProperties().Where(property => property.SetMethod is not null))
        {
            if (Impossible(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType) is { } value)
            {
                var options = (TOptions)clone.Invoke(sound, null)!;
                property.SetValue(options, value);
                yield return (property.Name, options);
            }
        }
    }

    private static object? Impossible(Type type) =>
        type == typeof(int) ? -2
        : type == typeof(long) ? -2L
        : type == typeof(TimeSpan) ? TimeSpan.FromSeconds(-2)
        : type.IsEnum ? Enum.ToObject(type, 99)
        : null;
}
