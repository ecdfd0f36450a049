using System.Numerics;
using static System.FormattableString;

namespace OrleansLLM.Templates.Values;

/// <summary>list and tuple.</summary>
internal abstract class SequenceValue(IReadOnlyList<Value> items) : Value
{
    public IReadOnlyList<Value> Items { get; } = items;

    public override bool IsTrue => Items.Count > 0;

    public override int? Length => Items.Count;

    public abstract SequenceValue With(IReadOnlyList<Value> items);

    public override IEnumerator<Value>? Iterate() => Items.GetEnumerator();

    public override Value? Item(Value key) => key is IntValue { Number: var index } ? At(Items.Count, index) is { } at ? Items[at] : null : null;

    public override Value Slice(Value start, Value stop, Value step)
    {
        var range = SliceRange.Of(start, stop, step, Items.Count);
        var taken = new Value[range.Count];
        for (var index = 0; index < taken.Length; index++)
        {
            taken[index] = Items[range.Start + (index * range.Step)];
        }

        return With(taken);
    }

    public override void WriteRepr(TextBuilder to)
    {
        GuardStack();
        for (var index = 0; index < Items.Count; index++)
        {
            if (index > 0)
            {
                to.Append(", ");
            }

            Items[index].WriteRepr(to);
        }
    }

    /// <summary>Where an index, negative ones from the end, points; null outside.</summary>
    public static int? At(int count, BigInteger index)
    {
        index = index.Sign < 0 ? index + count : index;
        return index.Sign >= 0 && index < count ? (int)index : null;
    }
}

internal sealed class ListValue(IReadOnlyList<Value> items) : SequenceValue(items)
{
    public override string TypeName => "list";

    public override SequenceValue With(IReadOnlyList<Value> items) => new ListValue(items);

    public override Value? Attribute(string name) => Library.Methods.Bind(Library.CollectionMethods.List, this, name);

    public override void WriteRepr(TextBuilder to)
    {
        to.Append('[');
        base.WriteRepr(to);
        to.Append(']');
    }
}

/// <summary>tuple; the groups of `groupby` are tuples whose items have names.</summary>
internal sealed class TupleValue(IReadOnlyList<Value> items, params string[] names) : SequenceValue(items)
{
    public override string TypeName => "tuple";

    public override SequenceValue With(IReadOnlyList<Value> items) => new TupleValue(items);

    public override Value? Attribute(string name) =>
        Array.IndexOf(names, name) is >= 0 and var at ? Items[at] : Library.Methods.Bind(Library.CollectionMethods.Tuple, this, name);

    public override void WriteRepr(TextBuilder to)
    {
        to.Append('(');
        base.WriteRepr(to);
        to.Append(Items.Count == 1 ? ",)" : ")");
    }
}

internal sealed class RangeValue(BigInteger start, BigInteger stop, BigInteger step, int count) : Value
{
    public override string TypeName => "range";

    public override bool IsTrue => count > 0;

    public override int? Length => count;

    public Value At(int index) => IntValue.Of(start + (step * index));

    public override IEnumerator<Value>? Iterate()
    {
        for (var index = 0; index < count; index++)
        {
            yield return At(index);
        }
    }

    public override Value? Item(Value key) =>
        key is IntValue { Number: var index } && SequenceValue.At(count, index) is { } at ? At(at) : null;

    public override Value Slice(Value from, Value until, Value by)
    {
        var range = SliceRange.Of(from, until, by, count);
        return new RangeValue(start + (step * range.Start), start + (step * range.Stop), step * range.Step, range.Count);
    }

    public override Value? Attribute(string name) => name switch
    {
        "start" => IntValue.Of(start),
        "stop" => IntValue.Of(stop),
        "step" => IntValue.Of(step),
        _ => Library.Methods.Bind(Library.CollectionMethods.Range, this, name),
    };

    public override void WriteRepr(TextBuilder to) =>
        to.Append(step.IsOne ? Invariant($"range({start}, {stop})") : Invariant($"range({start}, {stop}, {step})"));
}

/// <summary>A generator or another iterator: it can be walked once.</summary>
internal sealed class IteratorValue(string typeName, IEnumerator<Value> items) : Value
{
    public override string TypeName => typeName;

    public override IEnumerator<Value>? Iterate() => new OnePass(items);

    /// <summary>Shares its position with every other walk of the same iterator; whoever stops early leaves the rest.</summary>
    private sealed class OnePass(IEnumerator<Value> items) : IEnumerator<Value>
    {
        public Value Current => items.Current;

        object System.Collections.IEnumerator.Current => Current;

        public bool MoveNext() => items.MoveNext();

        public void Reset() => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
