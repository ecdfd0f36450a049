using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Nodes;

internal enum Recursion
{
    None,
    Recursive,
}

/// <summary>What the opening tag says: for target in iterable if test recursive.</summary>
internal sealed record LoopHead(Target Target, Expression Iterable, Expression? Test, Recursion Recursion);

/// <summary>{% for ... %}...{% else %}...{% endfor %}.</summary>
internal sealed class ForStatement(LoopHead head, Body body, Body? otherwise, int line) : Statement(line)
{
    private BoundTarget? _target;
    private BoundTarget? _testTarget;
    private Variable? _loop;
    private FunctionScope? _function;
    private FunctionScope? _testFunction;
    private ScopeEntry? _entry;
    private ScopeEntry? _testEntry;
    private ScopeEntry? _otherwiseEntry;

    public override IEnumerable<Node> Children =>
        new Node?[] { head.Target, head.Iterable, body, otherwise, head.Test }.OfType<Node>();

    public override void Collect(NameScope scope) => head.Iterable.Collect(scope);

    public override void Bind(Binding binding)
    {
        head.Iterable.Bind(binding);
        var scope = binding.Scope;
        var inner = head.Recursion == Recursion.Recursive ? scope.InnerFunction() : scope.Inner();
        _function = inner.Function;
        var usesLoop = head.Recursion == Recursion.Recursive || body.Mentions("loop");
        _loop = usesLoop ? inner.Declare("loop") : null;
        head.Target.Declare(inner);
        body.Collect(inner);
        _entry = inner.Entry();
        _target = head.Target.In(inner);
        body.Bind(binding.Inner(inner) with { Loop = LoopPlace.Inside });
        BindOtherwise(binding, head.Recursion == Recursion.Recursive ? new NameScope(scope, inner.Function) : scope.Inner());
        BindTest(binding, scope.InnerFunction());
    }

    private void BindOtherwise(Binding binding, NameScope scope)
    {
        if (otherwise is not null)
        {
            otherwise.Collect(scope);
            _otherwiseEntry = scope.Entry();
            otherwise.Bind(binding.Inner(scope) with { Loop = head.Recursion == Recursion.Recursive ? LoopPlace.Outside : binding.Loop });
        }
    }

    private void BindTest(Binding binding, NameScope scope)
    {
        if (head.Test is not null)
        {
            head.Target.Declare(scope);
            head.Test.Collect(scope);
            _testEntry = scope.Entry();
            _testTarget = head.Target.In(scope);
            _testFunction = scope.Function;
            head.Test.Bind(binding.Inner(scope));
        }
    }

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        var items = head.Iterable.Evaluate(rendering, frame);
        if (head.Recursion == Recursion.Recursive)
        {
            rendering.Print(Recurse(rendering, frame, items, 0));
            return Flow.Next;
        }

        return Loop(rendering, frame, frame, items, 0);
    }

    private TextValue Recurse(Rendering rendering, Frame outer, Value items, int depth)
    {
        using var call = rendering.Enter();
        var output = rendering.BeginCapture();
        Loop(rendering, outer, new Frame(_function!.SlotCount, outer), items, depth);
        return rendering.EndCapture(output);
    }

    private Flow Loop(Rendering rendering, Frame outer, Frame frame, Value items, int depth)
    {
        var walked = items.IterateOrThrow();
        var source = items;
        if (head.Test is not null)
        {
            walked = Passing(rendering, outer, walked).GetEnumerator();
            source = new IteratorValue("generator", walked);
        }

        Func<Rendering, Value, int, Value>? recurse =
            head.Recursion == Recursion.Recursive ? (running, inner, level) => Recurse(running, outer, inner, level) : null;
        var loop = new LoopValue(source, walked, depth, recurse);
        var completed = false;
        while (_loop is null ? walked.MoveNext() : loop.MoveNext())
        {
            rendering.Step(Line);
            if (_loop is not null)
            {
                frame.Slots[_loop.Slot] = loop;
            }

            _target!.Assign(rendering, frame, _loop is null ? walked.Current : loop.Current);
            _entry!.Enter(rendering, frame);
            var flow = body.Execute(rendering, frame);
            if (flow == Flow.Break)
            {
                break;
            }

            completed |= flow == Flow.Next;
        }

        _entry!.Leave(frame);
        return completed || otherwise is null ? Flow.Next : Otherwise(rendering, frame);
    }

    // Jinja runs this part also where every round ended by break or continue: what counts is that the body's end was never reached.
    private Flow Otherwise(Rendering rendering, Frame frame)
    {
        _otherwiseEntry!.Enter(rendering, frame);
        var flow = otherwise!.Execute(rendering, frame);
        _otherwiseEntry.Leave(frame);
        return flow;
    }

    private IEnumerable<Value> Passing(Rendering rendering, Frame outer, IEnumerator<Value> items)
    {
        var frame = new Frame(_testFunction!.SlotCount, outer);
        _testEntry!.Enter(rendering, frame);
        while (items.MoveNext())
        {
            rendering.Step(Line);
            var item = items.Current;
            _testTarget!.Assign(rendering, frame, item);
            if (head.Test!.Evaluate(rendering, frame).IsTrue)
            {
                yield return item;
            }
        }
    }
}
