using System.Text.Json;
using OrleansLLM.Compute;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

/// <summary>Published models against their reference.json through the paged path, in float32 and in the default arithmetic.</summary>
[Trait("Category", "Reference")]
public class RealModelTests
{
    private const float LogitTolerance = 1e-3f;
    private const double NllTolerance = 1e-3;

    /// <summary>Of the whole text in the default arithmetic; a few windows may be twice as far off.</summary>
    private const double PerplexityTolerance = 0.005;
    private const float SafeMargin = 0.01f;
    private const float SafeMarginOfRounding = 0.3f;

    /// <summary>Windows of the perplexity text that a plain run computes; more when a folder of models is given.</summary>
    private const int QuickWindows = 1;
    private const int ManyWindows = 8;

    private static bool IsQuick => string.IsNullOrEmpty(Environment.GetEnvironmentVariable("ORLEANSLLM_MODELS"));

    public static TheoryData<string> WithRuns => [.. Models("runs")];

    public static TheoryData<string> WithFacts => [.. Models("facts")];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(WithRuns))]
    public void In_float32_logits_and_greedy_ids_are_those_of_transformers(string folder)
    {
        using var reference = Reference(folder);
        using var file = Open(folder);
        var runs = RunsOf(reference);
        using var model = new PagedModel(file, TestDevices.Create(), new(512, 16, ElementType.Float32), runs.Count, 400);
        var sequences = runs.ConvertAll(run => model.Start(run.Ids));
        var last = model.Step([.. sequences.Select(sequence => (sequence, sequence.Pending))]).Select(rows => rows[^1]).ToList();
        for (var i = 0; i < runs.Count; i++)
        {
            Assert.All(runs[i].TopIds.Zip(runs[i].TopLogits), top => Assert.Equal(top.Second, last[i][top.First], LogitTolerance));
        }

        CheckGreedy(model, sequences, last, runs);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(WithRuns))]
    public void By_default_greedy_ids_are_those_of_transformers_where_rounding_cannot_turn_them(string folder)
    {
        using var reference = Reference(folder);
        using var file = Open(folder);
        var runs = RunsOf(reference);
        using var model = new PagedModel(file, TestDevices.Create(Arithmetic.Auto), new(512, 16, ElementType.BFloat16), runs.Count, 400);
        var sequences = runs.ConvertAll(run => model.Start(run.Ids));
        var last = model.Step([.. sequences.Select(sequence => (sequence, sequence.Pending))]).Select(rows => rows[^1]).ToList();
        CheckGreedy(model, sequences, last, runs, SafeMarginOfRounding);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(WithRuns))]
    public void Each_window_of_the_text_is_as_likely_as_transformers_say(string folder)
    {
        using var reference = Reference(folder);
        var perplexity = reference.RootElement.GetProperty("perplexity");
        var ids = perplexity.GetProperty("ids").Deserialize<int[]>()!;
        var window = perplexity.GetProperty("window").GetInt32();
        var expected = perplexity.GetProperty("transformers_f32").GetProperty("window_nll").Deserialize<double[]>()!;
        using var file = Open(folder);
        var windows = IsQuick ? QuickWindows : Math.Min(ManyWindows, expected.Length);
        var exact = WindowNll(file, Arithmetic.Float32, ElementType.Float32, ids.Chunk(window).Take(windows));
        Assert.All(expected.Zip(exact), pair => Assert.Equal(pair.First, pair.Second, NllTolerance));
        var all = IsQuick ? QuickWindows : expected.Length;
        var rounded = WindowNll(file, Arithmetic.Auto, ElementType.BFloat16, ids.Chunk(window).Take(all));
        Assert.Equal(1, Math.Exp(rounded.Average() - expected.Take(all).Average()), all == expected.Length ? PerplexityTolerance : 2 * PerplexityTolerance);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(WithFacts))]
    public void Every_recorded_answer_is_given(string folder)
    {
        using var reference = Reference(folder);
        using var file = Open(folder);
        var runs = reference.RootElement.GetProperty("facts").EnumerateArray().Select(fact => new Run(
            fact.GetProperty("ids").Deserialize<int[]>()!, [], [], fact.GetProperty("greedy").Deserialize<int[]>()!, [])).ToList();
        using var model = new PagedModel(file, TestDevices.Create(), new(4096, 16, ElementType.Float32), runs.Count, 2000);
        var sequences = runs.ConvertAll(run => model.Start(run.Ids));
        var last = model.Step([.. sequences.Select(sequence => (sequence, sequence.Pending))]).Select(rows => rows[^1]).ToList();
        CheckGreedy(model, sequences, last, runs);
    }

    private static List<Run> RunsOf(JsonDocument reference) =>
    [
        .. reference.RootElement.GetProperty("runs").EnumerateArray().Select(run => new Run(
            run.GetProperty("ids").Deserialize<int[]>()!,
            run.GetProperty("top_ids").Deserialize<int[]>()!,
            run.GetProperty("top_logits").Deserialize<float[]>()!,
            run.GetProperty("greedy").Deserialize<int[]>()!,
            run.GetProperty("margins").Deserialize<float[]>()!)),
    ];

    private static List<double> WindowNll(ModelFile file, Arithmetic arithmetic, ElementType cache, IEnumerable<int[]> windows)
    {
        var texts = windows.ToList();
        using var model = new PagedModel(file, TestDevices.Create(arithmetic), new(texts[0].Length, 16, cache), 1, texts.Count * ((texts[0].Length / 16) + 1));
        return texts.ConvertAll(text =>
        {
            var logits = model.Step([(model.Start(text), text.Length)])[0];
            return Enumerable.Range(0, text.Length - 1).Average(position => LogSumExp(logits[position]) - logits[position][text[position + 1]]);
        });
    }

    private static void CheckGreedy(PagedModel model, List<PagedSequence> sequences, List<float[]> last, List<Run> runs, float safeMargin = SafeMargin)
    {
        var open = Enumerable.Range(0, runs.Count).ToList();
        for (var step = 0; open.Count > 0; step++)
        {
            foreach (var i in open.ToList())
            {
                var best = Array.IndexOf(last[i], last[i].Max());
                var certain = runs[i].Margins.Length == 0 || runs[i].Margins[step] > safeMargin;
                Assert.True(!certain || runs[i].Greedy[step] == best, $"greedy id {step} of run {i}: {best} is not {runs[i].Greedy[step]}");
                sequences[i].Tokens.Add(best);
                if (step + 1 == runs[i].Greedy.Length || runs[i].Greedy[step] != best)
                {
                    open.Remove(i);
                }
            }

            if (open.Count > 0)
            {
                var logits = model.Step([.. open.Select(i => (sequences[i], 1))]);
                open.ForEach(i => last[i] = logits[open.IndexOf(i)][0]);
            }
        }
    }

    private static double LogSumExp(float[] logits)
    {
        var most = logits.Max();
        return most + Math.Log(logits.Sum(value => Math.Exp(value - most)));
    }

    private static IEnumerable<string> Models(string part) => ReferenceData.ModelRoots
        .SelectMany(Directory.GetDirectories)
        .Where(folder => File.Exists(Path.Combine(folder, "reference.json")))
        .DistinctBy(Path.GetFileName)
        .Where(folder =>
        {
            using var reference = Reference(folder);
            return reference.RootElement.TryGetProperty(part, out _);
        });

    private static JsonDocument Reference(string folder) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "reference.json")));

    private static ModelFile Open(string folder)
    {
        var model = Directory.GetFiles(folder, "*.gguf").Order(StringComparer.Ordinal).FirstOrDefault() ?? folder;
        Feature.SkipUnlessBuilt(ModelFeatures.Of(model));
        return ModelFile.Open(model);
    }

    private sealed record Run(int[] Ids, int[] TopIds, float[] TopLogits, int[] Greedy, float[] Margins);
}
