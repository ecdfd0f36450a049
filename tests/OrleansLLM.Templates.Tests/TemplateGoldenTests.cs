using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Templates.Tests;

/// <summary>Every recorded rendering under golden/templates, byte for byte.</summary>
[Trait("Category", "Reference")]
public sealed class TemplateGoldenTests
{
    private static readonly Dictionary<string, JsonObject> Files = ReferenceData.GoldenRoots
        .Select(root => Path.Combine(root, "templates"))
        .Where(Directory.Exists)
        .SelectMany(folder => Directory.EnumerateFiles(folder, "*.json"))
        .DistinctBy(Path.GetFileName)
        .ToDictionary(path => Path.GetFileNameWithoutExtension(path), path => JsonNode.Parse(File.ReadAllText(path))!.AsObject());

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (var (name, file) in Files.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            foreach (var entry in file["cases"]!.AsArray())
            {
                cases.Add(name, entry!["name"]!.GetValue<string>());
            }
        }

        return cases;
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Renders_what_was_recorded(string file, string name)
    {
        var recorded = Files[file];
        var entry = recorded["cases"]!.AsArray().First(one => one!["name"]!.GetValue<string>() == name)!.AsObject();
        var source = (entry["template"] ?? recorded["template"])!.GetValue<string>();
        Feature.SkipUnlessBuilt(TemplateFeatures.Of(source, entry));
        var now = DateTime.Parse(recorded["now"]!.GetValue<string>(), System.Globalization.CultureInfo.InvariantCulture);
        try
        {
            var template = Template.Compile(source, new FixedClock(now));
            var rendered = template.Render(Variables(recorded, entry)).Text;
            var expected = entry["rendered"] ?? entry["rendered_if_mutable"];
            Assert.True(expected is not null, $"rendered, but the reference fails: {entry["error"]}");
            Assert.Equal(expected.GetValue<string>(), rendered);
        }
        catch (TemplateException error)
        {
            Assert.NotEqual(TemplateFailure.NotBuilt, error.Failure);
            Assert.True(entry.ContainsKey("error"), error.Message);
            Check(error, entry["error_kind"]!.GetValue<string>(), entry["error"]!.GetValue<string>());
        }
    }

    private static void Check(TemplateException error, string kind, string message)
    {
        Assert.Equal(kind == "raise_exception", error.Failure == TemplateFailure.Refused);
        if (kind == "raise_exception")
        {
            Assert.Equal(message, error.Reason);
        }
        else if (kind == "syntax")
        {
            Assert.Equal(TemplateFailure.Syntax, error.Failure);
        }
    }

    private static JsonObject Variables(JsonObject file, JsonObject entry)
    {
        if (entry["context"] is JsonObject context)
        {
            return context.DeepClone().AsObject();
        }

        var variables = file["variables"]!.DeepClone().AsObject();
        foreach (var name in new[] { "messages", "tools", "documents", "add_generation_prompt" })
        {
            variables[name] = entry[name]?.DeepClone();
        }

        foreach (var (name, value) in entry["extra"]!.AsObject())
        {
            variables[name] = value?.DeepClone();
        }

        return variables;
    }

    private sealed class FixedClock(DateTime now) : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(now, TimeSpan.Zero);
    }
}
