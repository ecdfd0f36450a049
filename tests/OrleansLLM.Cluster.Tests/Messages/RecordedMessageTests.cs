using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using OrleansLLM.Testing;

namespace OrleansLLM.Cluster.Tests;

/// <summary>Messages as silos of this version write them: two fields that change places on both sides are seen here.</summary>
public sealed class RecordedMessageTests
{
    private const string Folder = "tests/OrleansLLM.Cluster.Tests/Messages/Recorded";

    private static readonly Serializer Serializer =
        new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();

    public static TheoryData<Type> Messages => MessageTests.Messages;

    [Theory]
    [MemberData(nameof(Messages))]
    [Trait("Category", "Contract")]
    public void A_message_is_written_as_recorded(Type type) =>
        RecordingOf(type).Equal(Named(type).Select(message => (message.Name, Serializer.SerializeToArray(message.Value))));

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_recorded_message_is_read_field_by_field(Type type) => Assert.All(Named(type), message =>
        Assert.Equal(Fields.Of(message.Value), Fields.Of(Serializer.Deserialize<object>(RecordingOf(type).Read(message.Name)))));

    [Theory]
    [MemberData(nameof(Messages))]
    public void No_two_recorded_fields_are_alike(Type type) => Fields.AllDiffer(Named(type)[0].Value);

    [Theory]
    [MemberData(nameof(Messages))]
    public void What_is_optional_is_recorded_missing_too(Type type)
    {
        var nullability = new NullabilityInfoContext();
        var optional = type.GetProperties().Where(property => nullability.Create(property).ReadState == NullabilityState.Nullable);
        Assert.All(optional, property => Assert.Contains(Named(type), message => property.GetValue(message.Value) is null));
    }

    [Fact]
    public void Every_recording_has_its_message()
    {
        var recorded = Directory.EnumerateFiles(Path.Combine(ReferenceData.Repository, Folder))
            .Select(file => Path.GetFileNameWithoutExtension(file)!)
            .Where(name => !name.StartsWith(nameof(StepFormat), StringComparison.Ordinal));

        Assert.Equal(Messages.Select(row => NameOf(row.Data)).Order(StringComparer.Ordinal), recorded.Order(StringComparer.Ordinal));
    }

    private static List<(string Name, object Value)> Named(Type type)
    {
        Assert.True(RecordedMessages.OfType.TryGetValue(type, out var messages), $"{type.Name} has no row in {nameof(RecordedMessages)}.");
        return [.. messages.Select((message, index) => (index == 0 ? "everything" : $"less {index}", message))];
    }

    private static RecordedBytes RecordingOf(Type type) => new($"{Folder}/{NameOf(type)}.txt", $"OrleansLLM.{NameOf(type)} as Orleans writes it.");

    /// <summary>As it travels: a type's own name may change.</summary>
    private static string NameOf(Type type) => type.GetCustomAttribute<AliasAttribute>()!.Alias["OrleansLLM.".Length..];
}
