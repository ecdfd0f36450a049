using System.Runtime.CompilerServices;

namespace OrleansLLM.Templates.Values;

/// <summary>
/// A value as Python has it: what a template computes with. Values never change, except namespaces, cyclers, joiners and iterators,
/// which belong to one rendering.
/// </summary>
internal abstract class Value
{
    /// <summary>Python's name of the type, for messages.</summary>
    public abstract string TypeName { get; }

    /// <summary>Truth as Python sees it.</summary>
    public virtual bool IsTrue => true;

    /// <summary>len(), or null where the type has none.</summary>
    public virtual int? Length => null;

    /// <summary>iter(), or null where the type has none.</summary>
    public virtual IEnumerator<Value>? Iterate() => null;

    /// <summary>Python's getattr: a method or a property, or null.</summary>
    public virtual Value? Attribute(string name) => null;

    /// <summary>value[key] for all but slices; null where Python raises TypeError or LookupError.</summary>
    public virtual Value? Item(Value key) => null;

    public virtual Value Slice(Value start, Value stop, Value step) =>
        throw TemplateError.Type($"'{TypeName}' object is not subscriptable");

    /// <summary>`item in value`.</summary>
    public virtual bool Contains(Value item)
    {
        using var items = Iterate() ?? throw TemplateError.Type($"argument of type '{TypeName}' is not iterable");
        while (items.MoveNext())
        {
            if (Equality.AreEqual(items.Current, item))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>value(...).</summary>
    public virtual Value Call(Rendering rendering, Arguments arguments) =>
        throw TemplateError.Type($"'{TypeName}' object is not callable");

    public virtual bool IsCallable => false;

    /// <summary>str().</summary>
    public virtual void Write(TextBuilder to) => WriteRepr(to);

    /// <summary>repr().</summary>
    public virtual void WriteRepr(TextBuilder to) =>
        throw TemplateError.Type($"a '{TypeName}' object has no text; print what it holds instead");

    /// <summary>str() as a value; a string keeps what it is.</summary>
    public virtual TextValue ToText()
    {
        var text = new TextBuilder();
        Write(text);
        return text.ToValue();
    }

    public IEnumerator<Value> IterateOrThrow() => Iterate() ?? throw TemplateError.Type($"'{TypeName}' object is not iterable");

    /// <summary>list().</summary>
    public List<Value> ToList(Rendering rendering)
    {
        var list = new List<Value>();
        using var items = IterateOrThrow();
        while (items.MoveNext())
        {
            rendering.Charge(1);
            list.Add(items.Current);
        }

        return list;
    }

    /// <summary>Values may be nested as deeply and shared as often as a template likes: whatever walks them asks here at each step.</summary>
    public static void GuardStack()
    {
        Rendering.Current?.Charge(1);
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw TemplateError.Limit("maximum recursion depth exceeded");
        }
    }
}
