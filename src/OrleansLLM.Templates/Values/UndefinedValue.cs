namespace OrleansLLM.Templates.Values;

/// <summary>A name or an attribute that is not there: prints empty, is false and iterates over nothing; everything else fails.</summary>
/// <param name="reason">What a failing use says.</param>
internal sealed class UndefinedValue(string reason) : Value
{
    public override string TypeName => "Undefined";

    public override bool IsTrue => false;

    public override int? Length => 0;

    public static UndefinedValue Name(string name) => new($"'{name}' is undefined");

    public static UndefinedValue Attribute(Value of, string name) =>
        new($"'{Describe(of)}' has no attribute {TextRepr(new TextValue(name))}");

    public static UndefinedValue Item(Value of, Value key) => key is TextValue name
        ? Attribute(of, name.Text)
        : new($"{Describe(of)} has no element {TextRepr(key)}");

    /// <summary>What the sandbox hides: underscore names, and methods that would change a list or a dict.</summary>
    public static UndefinedValue Unsafe(Value of, string name) =>
        new($"access to attribute '{name}' of '{of.TypeName}' object is unsafe.");

    public TemplateError Error() => TemplateError.Type(reason);

    public override IEnumerator<Value>? Iterate() => Enumerable.Empty<Value>().GetEnumerator();

    public override Value? Attribute(string name) => throw Error();

    public override Value? Item(Value key) => throw Error();

    public override Value Slice(Value start, Value stop, Value step) => throw Error();

    public override Value Call(Rendering rendering, Arguments arguments) => throw Error();

    // Python's callable() looks at the type, and Undefined defines __call__.
    public override bool IsCallable => true;

    public override void Write(TextBuilder to)
    {
    }

    public override void WriteRepr(TextBuilder to) => to.Append("Undefined");

    private static string Describe(Value value) => value is NoneValue ? "None" : $"{value.TypeName} object";

    private static string TextRepr(Value value)
    {
        var text = new TextBuilder();
        value.WriteRepr(text);
        return text.ToString();
    }
}
