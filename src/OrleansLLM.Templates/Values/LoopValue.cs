using static System.FormattableString;

namespace OrleansLLM.Templates.Values;

/// <summary>The variable `loop`: it walks the items itself, and looks ahead by one only when it is asked about the next.</summary>
internal sealed class LoopValue(Value iterable, IEnumerator<Value> items, int depth, Func<Rendering, Value, int, Value>? recurse) : Value
{
    private readonly Queue<Value> _ahead = new();
    private int? _length = iterable.Length;
    private Value? _current;
    private Value? _before;
    private Value? _changed;
    private int _index = -1;

    public override string TypeName => "LoopContext";

    public override bool IsCallable => true;

    public override int? Length => Count();

    public override bool IsTrue => Count() > 0;

    public Value Current => _current!;

    public bool MoveNext()
    {
        if (!Peek())
        {
            return false;
        }

        _before = _current;
        _current = _ahead.Dequeue();
        _index++;
        return true;
    }

    public override Value? Attribute(string name) => name switch
    {
        "index" => IntValue.Of(_index + 1),
        "index0" => IntValue.Of(_index),
        "revindex" => IntValue.Of(Count() - _index),
        "revindex0" => IntValue.Of(Count() - _index - 1),
        "first" => IntValue.Of(_index == 0),
        "last" => IntValue.Of(!Peek()),
        "length" => IntValue.Of(Count()),
        "depth" => IntValue.Of(depth + 1),
        "depth0" => IntValue.Of(depth),
        "previtem" => _index == 0 ? new UndefinedValue("there is no previous item") : _before,
        "nextitem" => Peek() ? _ahead.Peek() : new UndefinedValue("there is no next item"),
        "cycle" => new FunctionValue(name, "method", this, (_, arguments) => Cycle(arguments)),
        "changed" => new FunctionValue(name, "method", this, (_, arguments) => Changed(arguments)),
        _ => null,
    };

    public override Value Call(Rendering rendering, Arguments arguments)
    {
        if (recurse is null)
        {
            throw TemplateError.Type("The loop must have the 'recursive' marker to be called recursively.");
        }

        return recurse(rendering, new Signature("iterable").Bind("loop", arguments)[0]!, depth + 1);
    }

    public override void WriteRepr(TextBuilder to) => to.Append(Invariant($"<LoopContext {_index + 1}/{Count()}>"));

    private bool Peek()
    {
        if (_ahead.Count == 0 && items.MoveNext())
        {
            _ahead.Enqueue(items.Current);
        }

        return _ahead.Count > 0;
    }

    private int Count()
    {
        if (_length is { } known)
        {
            return known;
        }

        while (items.MoveNext())
        {
            _ahead.Enqueue(items.Current);
        }

        _length = _index + 1 + _ahead.Count;
        return _length.Value;
    }

    private Value Cycle(Arguments arguments) => arguments.Positional.Count == 0
        ? throw TemplateError.Type("no items for cycling given")
        : arguments.Positional[_index % arguments.Positional.Count];

    private IntValue Changed(Arguments arguments)
    {
        var now = new TupleValue(arguments.Positional);
        if (_changed is not null && Equality.AreEqual(_changed, now))
        {
            return IntValue.False;
        }

        _changed = now;
        return IntValue.True;
    }
}
