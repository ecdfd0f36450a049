using System.Text.Json;
using OrleansLLM.Compute;
using Xunit;

namespace OrleansLLM.Testing.Contract;

/// <summary>
/// Recorded probabilities against the definition's, and the definition's against what is drawn: each token's share of evenly spread
/// draws. A case in the sampler's order is one call; one in another order is a call a step, each on what the step before it left. Cases
/// with a step that is not built are skipped by its name.
/// </summary>
[Trait("Category", "Reference")]
public abstract class GoldenSamplingContract(DeviceProfile profile) : DeviceContract(profile)
{
    private const int Draws = 4096;

    public static TheoryData<string, int> Cases
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var file in Files())
            {
                using var document = JsonDocument.Parse(File.ReadAllBytes(file));
                for (var i = 0; i < document.RootElement.GetProperty("cases").GetArrayLength(); i++)
                {
                    data.Add(Path.GetRelativePath(ReferenceData.Repository, file), i);
                }
            }

            return data;
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Draws_fall_as_the_reference_says(string file, int index)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(ReferenceData.Repository, file)));
        var golden = document.RootElement.GetProperty("cases")[index];
        var steps = golden.GetProperty("steps").EnumerateArray().ToArray();
        Feature.SkipUnlessBuilt(steps.Select(step => Built.SamplingSteps[NameOf(step)]));
        var logits = Numbers(golden.GetProperty("logits"));
        foreach (var call in IsInOrder(steps) ? [steps] : steps.Select(step => new[] { step }))
        {
            var plan = Plan(golden, call, Draws);
            var left = ReferenceDevice.Probabilities(ReferenceDevice.Adjust(logits, plan, 0), plan, 0);
            CheckDraws(left, Shares(logits, plan, Draws));
            logits = [.. left.Select(share => (float)Math.Log(share))];
        }

        var recorded = golden.GetProperty("probabilities").EnumerateArray().Select(value => value.GetDouble()).ToArray();
        for (var id = 0; id < recorded.Length; id++)
        {
            Assert.Equal(recorded[id], Math.Exp(logits[id]), 1e-5);
        }
    }

    private static void CheckDraws(double[] expected, double[] shares)
    {
        for (var id = 0; id < expected.Length; id++)
        {
            if (expected[id] == 0)
            {
                Assert.True(shares[id] == 0, $"token {id} was removed, and drawn");
            }

            // Five standard deviations of a binomial share.
            var deviation = Math.Sqrt(Math.Max(expected[id] * (1 - expected[id]), 1e-3) / Draws);
            Assert.True(Math.Abs(shares[id] - expected[id]) < 5 * deviation, $"token {id}: {shares[id]} drawn, {expected[id]} defined");
        }
    }

    private static bool IsInOrder(JsonElement[] steps)
    {
        var places = steps.Select(step => Built.SamplingSteps.Names.ToList().IndexOf(NameOf(step))).ToArray();
        return places.SequenceEqual(places.Distinct().Order());
    }

    private static string NameOf(JsonElement step) => step.GetProperty("name").GetString()!;

    private static IEnumerable<string> Files() =>
        ReferenceData.GoldenRoots.Select(root => Path.Combine(root, "decoding", "sampling.json")).Where(File.Exists).Take(1);

    private static float[] Numbers(JsonElement logits) =>
        [.. logits.EnumerateArray().Select(value => value.ValueKind == JsonValueKind.Null ? float.NegativeInfinity : value.GetSingle())];

    private static SamplingPlan Plan(JsonElement golden, JsonElement[] steps, int rows)
    {
        float Value(string name, float otherwise) =>
            steps.Where(step => NameOf(step) == name).Select(step => step.GetProperty("value").GetSingle()).FirstOrDefault(otherwise);
        int[] Ids(string name) => [.. golden.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
        var seen = Ids("prompt").Concat(Ids("generated")).Distinct().ToArray();
        var plan = new SamplingPlan(rows) { Rows = rows };
        for (var row = 0; row < rows; row++)
        {
            (plan.Temperature[row], plan.TopK[row], plan.TopP[row]) = (Value("temperature", 1), (int)Value("top_k", 0), Value("top_p", 1));
            (plan.MinP[row], plan.RepetitionPenalty[row], plan.Position[row]) = (Value("min_p", 0), Value("repetition_penalty", 1), row);
            foreach (var id in seen)
            {
                plan.Seen.Add(id, 0);
            }

            plan.Seen.EndRow();
            plan.Bias.EndRow();
            plan.Allowed.EndRow();
        }

        return plan;
    }

    private double[] Shares(float[] logits, SamplingPlan plan, int draws)
    {
        using var device = Profile.Create();
        var tokens = new int[draws];
        device.Sample(Arrange.Upload(device, [.. Enumerable.Repeat(logits, draws).SelectMany(row => row)], draws, logits.Length), plan, tokens);
        var shares = new double[logits.Length];
        foreach (var token in tokens)
        {
            shares[token] += 1.0 / draws;
        }

        return shares;
    }
}
