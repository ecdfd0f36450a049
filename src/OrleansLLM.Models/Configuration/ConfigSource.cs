using OrleansLLM.Files;
using static System.FormattableString;

namespace OrleansLLM.Models.Configuration;

/// <summary>
/// A model's configuration under transformers' names, whatever holds it. A value that is not there, or null, takes the default that the
/// caller gives; one of the wrong kind or out of range is refused with its name.
/// </summary>
internal abstract class ConfigSource(string path)
{
    /// <summary>No model is larger in any one dimension; larger numbers are damage.</summary>
    public const int MaxSize = 1 << 26;

    /// <summary>Outside these bounds, float32 arithmetic has nothing to give but zeros and infinities.</summary>
    private const double LeastPositive = 1e-15;

    private const double MostPositive = 1e15;

    public string Path { get; } = path;

    /// <summary>The rotary scaling, if the file says one.</summary>
    public abstract RopeConfig Rope(int width, int maxLength, double defaultTheta);

    /// <summary>Every layer's kind (<c>full_attention</c>, <c>sliding_attention</c>), where the file lists them.</summary>
    public abstract IReadOnlyList<string>? LayerTypes { get; }

    public int Size(string name, int? standard = null, int least = 1, int most = MaxSize)
    {
        var value = Value(name);
        if (value is null)
        {
            return standard ?? throw Refuse($"{KeyOf(name)} is missing");
        }

        return value is long number && number >= least && number <= most
            ? (int)number
            : throw Refuse(Invariant($"{KeyOf(name)} is {Show(value)}; it must be a whole number from {least} to {most}"));
    }

    public double Number(string name, double standard) => Value(name) switch
    {
        null => standard,
        long whole => whole,
        double number when double.IsFinite(number) => number,
        var other => throw Refuse($"{KeyOf(name)} is {Show(other)}; it must be a number"),
    };

    /// <summary>A number above zero; without a default (NaN) it must be there.</summary>
    public double Positive(string name, double standard)
    {
        var number = Number(name, standard);
        return double.IsNaN(number) ? throw Refuse($"{KeyOf(name)} is missing")
            : number is >= LeastPositive and <= MostPositive ? number
            : throw Refuse(Invariant($"{KeyOf(name)} is {number}; it must be a number above 0, from {LeastPositive} to {MostPositive}"));
    }

    public bool Flag(string name, bool standard) => Value(name) switch
    {
        null => standard,
        bool flag => flag,
        var other => throw Refuse($"{KeyOf(name)} is {Show(other)}; it must be true or false"),
    };

    public string? Text(string name) => Value(name) switch
    {
        null => null,
        string text => text,
        var other => throw Refuse($"{KeyOf(name)} is {Show(other)}; it must be a text"),
    };

    /// <summary>Whether the name is there, also with null.</summary>
    public abstract bool Has(string name);

    /// <summary>The default of a name for which null says something else than silence.</summary>
    public T Standard<T>(string name, T absent, T ofNull) => Has(name) ? ofNull : absent;

    public FileFormatException Refuse(string problem) => new(Path, problem);

    /// <summary>As the file calls it.</summary>
    public virtual string KeyOf(string name) => name;

    /// <summary>A long, double, bool or string; null where there is none.</summary>
    protected abstract object? Value(string name);

    private static string Show(object value) => value is string text ? $"the text \"{text}\"" : FormattableString.Invariant($"{value}");
}
