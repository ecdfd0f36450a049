using System.Globalization;

namespace OrleansLLM;

/// <summary>An option by the names that users know it by.</summary>
/// <param name="Property">In the options record of a .NET user.</param>
/// <param name="Argument">On the command line, such as <c>--max-model-len</c>; null where it has none there.</param>
public readonly record struct OptionName(string Property, string? Argument = null)
{
    /// <summary>Both, such as <c>MaxModelLength (--max-model-len)</c>.</summary>
    public override string ToString() => Argument is null ? Property : $"{Property} ({Argument})";
}

/// <summary>
/// What is wrong with options, a sentence each: the option, its value, and what would be valid. A validator collects them, so that all of
/// them are said at once. Not thread-safe.
/// </summary>
public sealed class OptionProblems
{
    private readonly List<string> _sentences = [];

    /// <summary>Empty where the options can be.</summary>
    public IReadOnlyList<string> Sentences => _sentences;

    /// <summary>Notes a problem unless the option is valid.</summary>
    /// <param name="range">What would be valid, such as <c>1 to 8192, what the model was made for</c>.</param>
    public void Require(bool isValid, OptionName option, object? value, string range)
    {
        if (!isValid)
        {
            Add(string.Create(CultureInfo.InvariantCulture, $"{option} is {value}; it must be {range}."));
        }
    }

    /// <summary>Notes a problem whose option has no single value, or none that may be shown.</summary>
    public void Add(string sentence) => _sentences.Add(sentence);

    /// <summary>A sentence a line.</summary>
    public override string ToString() => string.Join('\n', _sentences);

    /// <exception cref="ArgumentException">There is one; the message says them all.</exception>
    public void ThrowIfAny()
    {
        if (_sentences.Count > 0)
        {
            throw new ArgumentException(ToString());
        }
    }
}
