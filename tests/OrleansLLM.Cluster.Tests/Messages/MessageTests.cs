using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using OrleansLLM.Testing;

namespace OrleansLLM.Cluster.Tests;

public sealed class MessageTests
{
    private static readonly ServiceProvider Services = new ServiceCollection().AddSerializer().BuildServiceProvider();

    public static TheoryData<Type> Messages => [.. Types().Where(type => type.Namespace == typeof(JournalMessage).Namespace && IsMessage(type))];

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_comes_back_as_it_was_sent(Type type)
    {
        var serializer = Services.GetRequiredService<Serializer>();
        foreach (var filling in new[] { Filling.Full, Filling.Empty })
        {
            var message = Make(type, filling);

            var back = serializer.Deserialize<object>(serializer.SerializeToArray(message));

            Assert.NotSame(message, back);
            Assert.IsType(type, back);
            Assert.Equal(Fields.Of(message), Fields.Of(back));
        }
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_is_immutable_and_has_a_name_of_its_own(Type type)
    {
        Assert.NotNull(type.GetCustomAttribute<ImmutableAttribute>());
        Assert.StartsWith("OrleansLLM.", type.GetCustomAttribute<AliasAttribute>()!.Alias, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_and_field_numbers_are_used_once()
    {
        Assert.Distinct(Messages.Select(row => row.Data.GetCustomAttribute<AliasAttribute>()!.Alias));
        Assert.All(Messages.Select(row => row.Data), type =>
            Assert.Distinct(type.GetProperties().Select(property => property.GetCustomAttribute<IdAttribute>()?.Id).OfType<uint>()));
    }

    [Fact]
    public void Every_type_in_a_grain_call_can_travel()
    {
        var calls = Types().Where(type => type.IsInterface && typeof(IGrainWithStringKey).IsAssignableFrom(type)).SelectMany(type => type.GetMethods());
        var serializer = Services.GetRequiredService<Serializer>();

        Assert.All(calls, call =>
        {
            Assert.NotNull(call.GetCustomAttribute<AliasAttribute>());
            var result = call.ReturnType.IsGenericType ? call.ReturnType.GetGenericArguments() : [];
            foreach (var type in call.GetParameters().Select(parameter => parameter.ParameterType).Concat(result))
            {
                var value = Make(type, Filling.Full);
                var back = serializer.Deserialize<object>(serializer.SerializeToArray(value));
                Assert.Equal(BoxOf(value), back?.GetType());
                Assert.Equal(Fields.Of(value), Fields.Of(back));
            }
        });
    }

    /// <summary>An enum in a box comes back as its number.</summary>
    private static Type BoxOf(object value) => value is Enum ? typeof(int) : value.GetType();

    private enum Filling
    {
        Full,
        Empty,
    }

    private static IEnumerable<Type> Types() => typeof(JournalMessage).Assembly.GetTypes();

    private static bool IsMessage(Type type) =>
        type.GetCustomAttribute<GenerateSerializerAttribute>() is not null && !typeof(Orleans.Runtime.PlacementStrategy).IsAssignableFrom(type);

    /// <summary>A value with something in every field, or with nothing where that is allowed.</summary>
    private static object Make(Type type, Filling filling, int depth = 1)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
        {
            type = inner;
        }

        return type switch
        {
            _ when type == typeof(string) => filling == Filling.Full ? $"text {depth} é" : "",
            _ when type == typeof(int) => 7 * depth,
            _ when type == typeof(long) => long.MaxValue - depth,
            _ when type == typeof(ulong) => ulong.MaxValue - (ulong)depth,
            _ when type == typeof(bool) => true,
            _ when type == typeof(TimeSpan) => TimeSpan.FromSeconds(depth),
            _ when type == typeof(Guid) => Guid.NewGuid(),
            _ when type == typeof(ReadOnlyMemory<byte>) => new ReadOnlyMemory<byte>([1, 2, 3]),
            { IsEnum: true } => Enum.GetValues(type).Cast<object>().Last(),
            { IsArray: true } => MakeArray(type.GetElementType()!, filling, depth),
            _ => MakeRecord(type, filling, depth),
        };
    }

    private static Array MakeArray(Type element, Filling filling, int depth)
    {
        var array = Array.CreateInstance(element, filling == Filling.Full ? 3 : 0);
        for (var i = 0; i < array.Length; i++)
        {
            array.SetValue(element == typeof(byte) ? (byte)(i + 1) : Make(element, filling, depth + i), i);
        }

        return array;
    }

    private static object MakeRecord(Type type, Filling filling, int depth)
    {
        var constructor = type.GetConstructors().MaxBy(constructor => constructor.GetParameters().Length)!;
        var nullability = new NullabilityInfoContext();
        return constructor.Invoke([.. constructor.GetParameters().Select((parameter, index) =>
        {
            var optional = nullability.Create(parameter).ReadState == NullabilityState.Nullable;
            return optional && filling == Filling.Empty ? null : Make(parameter.ParameterType, filling, depth + index + 1);
        })]);
    }
}
