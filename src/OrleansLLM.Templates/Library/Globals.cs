using System.Collections.Frozen;
using System.Numerics;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>The functions that every template has: Jinja's, and transformers' raise_exception and strftime_now. To add one, add the row.</summary>
internal static class Globals
{
    private const int MaxRange = 100_000;

    private static readonly FrozenSet<string> NotBuilt = new[] { "lipsum" }.ToFrozenSet();

    private static readonly FrozenDictionary<string, Value> Rows = new Dictionary<string, Value>
    {
        ["cycler"] = Type("<class 'jinja2.utils.Cycler'>", Cycler),
        ["dict"] = Type("<class 'dict'>", Dict),
        ["joiner"] = Type("<class 'jinja2.utils.Joiner'>", Joiner),
        ["lipsum"] = Function("lipsum", (_, _) => throw TemplateError.NotBuilt("global 'lipsum'")),
        ["namespace"] = Type("<class 'jinja2.utils.Namespace'>", Namespace),
        ["raise_exception"] = Function("raise_exception", Raise),
        ["range"] = Function("range", Range),
        ["self"] = new SelfValue(),
        ["strftime_now"] = Function("strftime_now", StrftimeNow),
    }.ToFrozenDictionary();

    public static IReadOnlyCollection<string> Names => [.. Rows.Keys.Except(NotBuilt)];

    public static Value? Find(string name) => Rows.GetValueOrDefault(name);

    /// <exception cref="TemplateError">A template calls what is known and not built.</exception>
    public static void RefuseUnbuilt(string name)
    {
        if (NotBuilt.Contains(name))
        {
            throw TemplateError.NotBuilt($"global '{name}'");
        }
    }

    /// <summary>The template's blocks by name; no chat template has been seen to call one.</summary>
    private sealed class SelfValue : Value
    {
        public override string TypeName => "TemplateReference";

        public override Value? Item(Value key) => throw TemplateError.NotBuilt("calls of blocks through 'self'");
    }

    private static FunctionValue Function(string name, Func<Rendering, Arguments, Value> call) => new(name, "function", null, call);

    private static FunctionValue Type(string repr, Func<Rendering, Arguments, Value> call) => new(repr, "type", null, call);

    private static Value Raise(Rendering rendering, Arguments arguments) =>
        throw new TemplateError(TemplateFailure.Refused, new Signature("message").Bind("raise_exception", arguments)[0]!.ToText().Text);

    private static TextValue StrftimeNow(Rendering rendering, Arguments arguments)
    {
        var format = new Signature("format").Bind("strftime_now", arguments)[0] as TextValue
            ?? throw TemplateError.Type("strftime() argument 1 must be str");
        var text = Strftime.Format(rendering.LocalNow, format.Text);
        rendering.ChargeText(text.Length);
        return new TextValue(text);
    }

    private static RangeValue Range(Rendering rendering, Arguments arguments)
    {
        var numbers = arguments.Positional.Select(value => value switch
        {
            IntValue number => number.Number,
            UndefinedValue undefined => throw undefined.Error(),
            _ => throw TemplateError.Type($"'{value.TypeName}' object cannot be interpreted as an integer"),
        }).ToArray();
        var (start, stop, step) = (numbers.Length, arguments.Keywords.Count) switch
        {
            (1, 0) => (BigInteger.Zero, numbers[0], BigInteger.One),
            (2, 0) => (numbers[0], numbers[1], BigInteger.One),
            (3, 0) => (numbers[0], numbers[1], numbers[2]),
            _ => throw TemplateError.Type("range takes one to three numbers"),
        };
        if (step.IsZero)
        {
            throw TemplateError.Value("range() arg 3 must not be zero");
        }

        var distance = step.Sign > 0 ? stop - start : start - stop;
        var count = distance.Sign <= 0 ? BigInteger.Zero : ((distance - 1) / BigInteger.Abs(step)) + 1;
        return count <= MaxRange
            ? new(start, stop, step, (int)count)
            : throw TemplateError.Limit($"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({MaxRange}).");
    }

    private static DictValue Dict(Rendering rendering, Arguments arguments)
    {
        if (arguments.Positional.Count > 1)
        {
            throw TemplateError.Type($"dict expected at most 1 argument, got {arguments.Positional.Count}");
        }

        var dict = new DictValue();
        foreach (var source in arguments.Positional)
        {
            if (source is DictValue other)
            {
                rendering.Charge(other.Items.Count);
                foreach (var (key, value) in other.Items)
                {
                    dict.Set(key, value);
                }

                continue;
            }

            foreach (var item in source.ToList(rendering))
            {
                var pair = item.ToList(rendering);
                dict.Set(
                    pair.Count == 2 ? pair[0] : throw TemplateError.Value($"dictionary update sequence element has length {pair.Count}; 2 is required"),
                    pair[1]);
            }
        }

        foreach (var (name, value) in arguments.Keywords)
        {
            dict.Set(new TextValue(name), value);
        }

        return dict;
    }

    private static NamespaceValue Namespace(Rendering rendering, Arguments arguments)
    {
        var attributes = Dict(rendering, arguments);
        foreach (var name in attributes.Items.Keys.OfType<TextValue>())
        {
            NamespaceValue.RefuseUnderscore(name.Text);
        }

        return new(attributes);
    }

    private static CyclerValue Cycler(Rendering rendering, Arguments arguments) => arguments.Positional.Count > 0 && arguments.Keywords.Count == 0
        ? new([.. arguments.Positional])
        : throw TemplateError.Type("at least one item has to be provided");

    private static JoinerValue Joiner(Rendering rendering, Arguments arguments) =>
        new(new Signature("sep?").Bind("joiner", arguments)[0] ?? new TextValue(", "));
}
