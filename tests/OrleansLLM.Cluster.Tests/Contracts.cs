using System.Globalization;
using System.Reflection;
using System.Text;

namespace OrleansLLM.Cluster.Tests;

/// <summary>What silos of different versions must agree on, as text: a block for each name that travels, ordered by kind and name.</summary>
internal static class Contracts
{
    private const string Head =
        """
        # What silos of different versions must agree on: names, numbers and types, read from the code by ContractsTests.
        # A number is never given to another field, a name never to another meaning.

        """;

    private static readonly NullabilityInfoContext Nullability = new();

    public static string Of(Assembly assembly)
    {
        var types = assembly.GetTypes();
        var interfaces = types.Where(type => type.IsInterface && type.IsAssignableTo(typeof(IGrain))).ToList();
        var records = types.Where(type => type.GetCustomAttribute<GenerateSerializerAttribute>() is not null).ToList();
        var travelling = interfaces.SelectMany(type => type.GetMethods()).SelectMany(TypesOf)
            .Concat(records.SelectMany(FieldsOf).Select(field => field.PropertyType));
        var enums = travelling.Select(Inner).Where(type => type.IsEnum).Distinct();
        var grains = types.Where(type => type.IsAssignableTo(typeof(Grain)));
        return new StringBuilder(Head)
            .AppendJoin("", grains.Select(Grain).Order(StringComparer.Ordinal))
            .AppendJoin("", interfaces.Select(Interface).Order(StringComparer.Ordinal))
            .AppendJoin("", records.Select(Record).Order(StringComparer.Ordinal))
            .AppendJoin("", enums.Select(Enumeration).Order(StringComparer.Ordinal))
            .ToString();
    }

    private static string Grain(Type type) => Block(
        $"grain {type.GetCustomAttribute<GrainTypeAttribute>()?.GetGrainType(null!, type) ?? throw Nameless(type)}",
        type.GetInterfaces().Where(door => door.Assembly == type.Assembly).Select(AliasOf).Order(StringComparer.Ordinal));

    private static string Interface(Type type) => Block(
        $"interface {AliasOf(type)}",
        type.GetMethods().Select(method =>
            $"{AliasOf(method)}({string.Join(", ", method.GetParameters().Select(parameter => Name(Nullability.Create(parameter))))}) : {Name(Nullability.Create(method.ReturnParameter))}")
            .Order(StringComparer.Ordinal));

    private static string Record(Type type) => Block(
        $"record {AliasOf(type)}",
        FieldsOf(type).OrderBy(IdOf).Select(field => string.Create(CultureInfo.InvariantCulture, $"{IdOf(field)} {Name(Nullability.Create(field))} {field.Name}")));

    private static string Enumeration(Type type) => Block(
        $"enum {type.FullName} : {Keyword(Enum.GetUnderlyingType(type))}",
        Enum.GetValues(type).Cast<Enum>().Select(value => $"{value:D} {value}"));

    private static string Block(string heading, IEnumerable<string> lines) =>
        $"\n{heading}\n{string.Concat(lines.Select(line => $"    {line}\n"))}";

    private static IEnumerable<Type> TypesOf(MethodInfo method) =>
        method.GetParameters().Select(parameter => parameter.ParameterType).Concat(method.ReturnType.GetGenericArguments());

    private static IEnumerable<PropertyInfo> FieldsOf(Type type) =>
        type.GetProperties().Where(property => property.GetCustomAttribute<IdAttribute>() is not null);

    private static uint IdOf(PropertyInfo field) => field.GetCustomAttribute<IdAttribute>()!.Id;

    private static string AliasOf(MemberInfo member) =>
        member.GetCustomAttribute<AliasAttribute>()?.Alias ?? throw Nameless(member);

    private static InvalidOperationException Nameless(MemberInfo member) =>
        new($"{member.DeclaringType?.Name} {member.Name} travels without a name of its own: [Alias], or [GrainType] on a grain, gives it one.");

    private static Type Inner(Type type) => Nullable.GetUnderlyingType(type) ?? type.GetElementType() ?? type;

    /// <summary>As C# writes it, with a question mark where null is allowed.</summary>
    private static string Name(NullabilityInfo info)
    {
        var type = Nullable.GetUnderlyingType(info.Type) ?? info.Type;
        var name = info.ElementType is { } element ? $"{Name(element)}[]"
            : type.IsGenericType ? $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", info.GenericTypeArguments.Select(Name))}>"
            : Keyword(type);
        return info.ReadState == NullabilityState.Nullable ? $"{name}?" : name;
    }

    private static string Keyword(Type type) => Type.GetTypeCode(type) switch
    {
        _ when type.IsEnum => type.Name,
        TypeCode.Boolean => "bool",
        TypeCode.Byte => "byte",
        TypeCode.Int32 => "int",
        TypeCode.Int64 => "long",
        TypeCode.UInt64 => "ulong",
        TypeCode.String => "string",
        _ => type.Name,
    };
}
