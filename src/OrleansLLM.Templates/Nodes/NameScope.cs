namespace OrleansLLM.Templates.Nodes;

/// <summary>A template, a macro or a recursive loop: what gets a <see cref="Frame"/> of its own.</summary>
internal sealed class FunctionScope(FunctionScope? parent)
{
    public FunctionScope? Parent => parent;

    public int SlotCount { get; private set; }

    public int AddSlot() => SlotCount++;
}

internal enum LoadKind
{
    /// <summary>Set by whoever enters the scope.</summary>
    Parameter,

    /// <summary>The variable of that name outside of all scopes.</summary>
    Resolve,

    /// <summary>A copy of the same name in an outer scope.</summary>
    Alias,

    /// <summary>Not assigned yet.</summary>
    Undefined,
}

internal sealed record Variable(string Name, FunctionScope Function, int Slot);

/// <summary>
/// The names of one scope and how each gets its value on entry. Jinja decides this when it compiles: a name that a scope only reads is the
/// outer scope's variable; one that it also sets is a copy of its own, so that assignments end with the scope.
/// </summary>
internal sealed class NameScope
{
    private readonly NameScope? _parent;
    private readonly Dictionary<string, Variable> _variables;
    private readonly Dictionary<string, Variable> _own;
    private readonly HashSet<string> _stores;
    private readonly OrderedDictionary<Variable, LoadKind> _loads;

    public NameScope(NameScope? parent, FunctionScope function)
    {
        (_parent, Function) = (parent, function);
        (_variables, _own, _stores, _loads) = ([], [], [], []);
    }

    private NameScope(NameScope original)
    {
        (_parent, Function, _own) = (original._parent, original.Function, original._own);
        _variables = new(original._variables);
        _stores = [.. original._stores];
        _loads = new(original._loads);
    }

    public FunctionScope Function { get; }

    public NameScope Inner() => new(this, Function);

    public NameScope InnerFunction() => new(this, new FunctionScope(Function));

    public Variable? Find(string name) => _variables.GetValueOrDefault(name) ?? _parent?.Find(name);

    public void Read(string name)
    {
        if (Find(name) is null)
        {
            Define(name, LoadKind.Resolve);
        }
    }

    public void Store(string name)
    {
        _stores.Add(name);
        if (!_variables.ContainsKey(name))
        {
            Define(name, _parent?.Find(name) is null ? LoadKind.Undefined : LoadKind.Alias);
        }
    }

    public Variable Declare(string name)
    {
        _stores.Add(name);
        return Define(name, LoadKind.Parameter);
    }

    /// <summary>Each branch of an `if` is looked at by itself; a name that only some set keeps its outer value in the others.</summary>
    public void Branch(params IReadOnlyList<Action<NameScope>> branches)
    {
        var copies = branches.Select(visit =>
        {
            var copy = new NameScope(this);
            visit(copy);
            return copy;
        }).ToArray();
        var stores = copies.SelectMany(copy => copy._stores).Where(name => !_stores.Contains(name)).Distinct().ToArray();
        foreach (var copy in copies)
        {
            foreach (var (name, variable) in copy._variables)
            {
                _variables[name] = variable;
            }

            foreach (var (variable, load) in copy._loads)
            {
                _loads[variable] = load;
            }

            _stores.UnionWith(copy._stores);
        }

        foreach (var name in stores)
        {
            _loads[Find(name)!] = _parent?.Find(name) is null ? LoadKind.Resolve : LoadKind.Alias;
        }
    }

    /// <summary>What to do on entry, once all of the scope has been looked at.</summary>
    public ScopeEntry Entry() => new([.. _loads.Select(load => new ScopeLoad(
        load.Key, load.Value, load.Value == LoadKind.Alias ? Reference(_parent!.Find(load.Key.Name)!) : null))]);

    public VariableReference Reference(string name) => Reference(Find(name)!);

    private VariableReference Reference(Variable variable)
    {
        var hops = 0;
        for (var function = Function; function != variable.Function; function = function.Parent!)
        {
            hops++;
        }

        return new(variable.Name, hops, variable.Slot);
    }

    private Variable Define(string name, LoadKind load)
    {
        if (!_own.TryGetValue(name, out var variable))
        {
            variable = new(name, Function, Function.AddSlot());
            _own.Add(name, variable);
        }

        _variables[name] = variable;
        _loads[variable] = load;
        return variable;
    }
}

/// <summary>Where a variable lies, seen from a frame: so many frames out, in that slot.</summary>
internal sealed record VariableReference(string Name, int Hops, int Slot)
{
    public Values.Value? Get(Frame frame) => Home(frame).Slots[Slot];

    public void Set(Frame frame, Values.Value value) => Home(frame).Slots[Slot] = value;

    private Frame Home(Frame frame)
    {
        for (var hop = 0; hop < Hops; hop++)
        {
            frame = frame.Parent!;
        }

        return frame;
    }
}

internal sealed record ScopeLoad(Variable Variable, LoadKind Kind, VariableReference? From);

/// <summary>Fills a scope's variables on entry and forgets them at its end.</summary>
internal sealed record ScopeEntry(IReadOnlyList<ScopeLoad> Loads)
{
    public void Enter(Rendering rendering, Frame frame)
    {
        foreach (var (variable, kind, from) in Loads)
        {
            if (kind != LoadKind.Parameter)
            {
                frame.Slots[variable.Slot] = kind switch
                {
                    LoadKind.Resolve => rendering.Resolve(variable.Name),
                    LoadKind.Alias => from!.Get(frame),
                    _ => null,
                };
            }
        }
    }

    public void Leave(Frame frame)
    {
        foreach (var load in Loads)
        {
            frame.Slots[load.Variable.Slot] = null;
        }
    }
}
