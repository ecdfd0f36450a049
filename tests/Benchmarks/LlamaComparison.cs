using System.Diagnostics;
using OrleansLLM.Engine;

namespace OrleansLLM.Benchmarks;

/// <summary>
/// Our engine and llama.cpp in one process, in turn, 2 threads: prefill of 512, then decode of 64 after it, alone and with 8 and 32
/// sequences that share the prompt. Ours includes scheduling, sampling and publishing; the peer only computes, and its tokens are given.
/// </summary>
internal static class LlamaComparison
{
    private const int PromptTokens = 512;
    private const int NewTokens = 64;

    private static readonly int[] Batches = [1, 8, 32];

    public static async Task RunAsync(string[] arguments)
    {
        var pairs = arguments.Length > 1 ? int.Parse(arguments[1], System.Globalization.CultureInfo.InvariantCulture) : 5;
        using var model = await Load.OpenAsync(arguments[0], PrefixCaching.Off);
        using var generator = new EngineGenerator(model.Engine, TimeProvider.System);
        using var peer = new LlamaCppPeer(arguments[0], 2, 32, PromptTokens + (33 * NewTokens));
        var prompt = Load.Prompt(PromptTokens, model.Engine.Facts.VocabularySize, seed: 1);
        await OursAsync(generator, model.Served.Name, prompt, 8);
        Theirs(peer, prompt, 8);
        foreach (var batch in Batches)
        {
            var (ours, theirs) = (new List<Rates>(), new List<Rates>());
            for (var pair = 0; pair < pairs; pair++)
            {
                ours.Add(await OursAsync(generator, model.Served.Name, prompt, batch));
                await Task.Delay(20);
                theirs.Add(Theirs(peer, prompt, batch));
                await Task.Delay(20);
            }

            if (batch == 1)
            {
                Print("prefill 512", ours.Select(rates => rates.Prefill), theirs.Select(rates => rates.Prefill));
            }

            Print($"decode {batch}", ours.Select(rates => rates.Decode), theirs.Select(rates => rates.Decode));
        }
    }

    private static async Task<Rates> OursAsync(EngineGenerator generator, string model, int[] prompt, int batch)
    {
        var (arrived, first) = (0, 0L);
        var started = Stopwatch.GetTimestamp();
        var sequences = await Load.SubmitAsync(generator, Load.Request(model, prompt, NewTokens + 1, batch));
        await Task.WhenAll(sequences.Select(sequence => Load.ReadAsync(generator, sequence, prompt.Length, tokens =>
        {
            Interlocked.CompareExchange(ref first, Stopwatch.GetTimestamp(), 0);
            Interlocked.Add(ref arrived, tokens);
        })));
        var decode = Stopwatch.GetElapsedTime(first).TotalSeconds;
        return new Rates(prompt.Length / Stopwatch.GetElapsedTime(started, first).TotalSeconds, (arrived - batch) / decode);
    }

    private static Rates Theirs(LlamaCppPeer peer, int[] prompt, int batch)
    {
        var started = Stopwatch.GetTimestamp();
        peer.Prefill(prompt);
        var prefill = Stopwatch.GetElapsedTime(started).TotalSeconds;
        peer.Share(batch);
        var tokens = prompt[..batch];
        started = Stopwatch.GetTimestamp();
        for (var step = 0; step < NewTokens; step++)
        {
            peer.Decode(prompt.Length + step, tokens);
        }

        return new Rates(prompt.Length / prefill, NewTokens * batch / Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    private static void Print(string name, IEnumerable<double> ours, IEnumerable<double> theirs)
    {
        var ratio = Load.Median(ours.Zip(theirs, (our, their) => our / their));
        Console.WriteLine(FormattableString.Invariant(
            $"{name,-12} ours {Load.Median(ours),7:F0} tokens/s, llama.cpp {Load.Median(theirs),7:F0} tokens/s, median ratio {ratio:F2}"));
    }

    private readonly record struct Rates(double Prefill, double Decode);
}
