using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Cpu.Tests.Simd;

/// <summary>
/// Runs every kernel, in tiles of 1, 4 and 8 rows, in child processes with instruction sets switched off, and compares what they computed:
/// the same bits everywhere. The child is this test project, asked for one test.
/// </summary>
public sealed class InstructionSetTests
{
    private const string Answer = "ORLEANSLLM_ISA_ANSWER";

    public static TheoryData<string, string> Switches => new()
    {
        { "EnableAVX512", "AVX2" },
        { "EnableAVX2", "128-bit vectors" },
        { "EnableHWIntrinsic", "scalar" },
    };

    [Theory]
    [MemberData(nameof(Switches))]
    public void Every_instruction_set_gives_the_same_bits(string disabled, string instructions)
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "only x64 has these switches");
        var answer = RunChild(disabled);
        Assert.Equal(instructions, answer[0]);
        Assert.Equal(Compute(), answer[1..]);
    }

    [Fact]
    public void The_child_computes_what_it_is_asked_for()
    {
        var path = Environment.GetEnvironmentVariable(Answer);
        Assert.SkipWhen(path is null, "runs inside a child process only");
        using var device = TestDevices.Create();
        File.WriteAllLines(path, [device.Description.Name.Split(", ")[1], .. Compute()]);
    }

    private static string[] RunChild(string disabled)
    {
        var path = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!)
            {
                ArgumentList = { "-method", $"{typeof(InstructionSetTests).FullName}.{nameof(The_child_computes_what_it_is_asked_for)}", "-noColor" },
                RedirectStandardOutput = true,
                Environment = { [$"DOTNET_{disabled}"] = "0", [Answer] = path },
            };
            using var child = Process.Start(start)!;
            var output = child.StandardOutput.ReadToEnd();
            child.WaitForExit();
            Assert.True(child.ExitCode == 0, output);
            return File.ReadAllLines(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>One line an operation: its name and a hash of the numbers that it gave.</summary>
    private static string[] Compute()
    {
        using var auto = TestDevices.Create();
        using var exact = TestDevices.Create(arithmetic: Arithmetic.Float32);
        return
        [
            .. WeightFormats.All.Select(format => $"{format} {Hash(Linear(auto, format))} {Hash(Linear(exact, format))}"),
            $"bfloat16 attention {Hash(Attend(auto, ElementType.BFloat16, 16))}",
            $"float32 attention {Hash(Attend(auto, ElementType.Float32, 4))}",
            .. Enum.GetValues<Activation>().Select(activation => $"{activation} {Hash(Activate(auto, activation))}"),
            .. Enum.GetValues<NormKind>().Select(kind => $"{kind} {Hash(Norm(auto, kind))}"),
            $"experts {Hash(Experts(auto))}",
            $"draws {string.Join(' ', Sample(auto))}",
            $"logprobs {Hash(Logprobs(auto))}",
        ];
    }

    private static float[] Linear(CpuDevice device, WeightFormat format)
    {
        var random = new Random(51);
        var columns = format.BlockElements == 1 ? 71 : Math.Max(64, format.BlockElements);
        using var weight = device.Load(new LinearSource(Arrange.Weights(random, format, 35, columns)));
        var to = device.Allocate(11, 35);
        device.Linear(Arrange.Upload(device, Arrange.Numbers(random, 11 * columns), 11, columns), weight, to);
        var one = device.Allocate(1, 35);
        device.Logits(Arrange.Upload(device, Arrange.Numbers(random, columns), 1, columns), [0], weight, 7, one);
        return [.. Arrange.Download(device, to), .. Arrange.Download(device, one)];
    }

    private static float[] Attend(CpuDevice device, ElementType type, int blockSize)
    {
        var attend = new AttendCase(
            new AttentionShape(6, 2, 24, 20, 0.2f, 280, 9), new KvGeometry(blockSize, 1, 2, 24, 20, type), [290, 3, 1]) { Norms = true };
        return [.. attend.Run(device, attend.Rows(new Random(52)), 150).SelectMany(rows => rows)];
    }

    private static float[] Activate(CpuDevice device, Activation activation)
    {
        var x = Arrange.Upload(device, [.. Arrange.Numbers(new Random(53), 333).Select(value => value * 5)], 1, 333);
        device.Activate(x, activation);
        var gated = device.Allocate(1, 166);
        device.ActivateGated(x.SliceColumns(0, 332), activation, gated);
        return [.. Arrange.Download(device, x), .. Arrange.Download(device, gated)];
    }

    private static float[] Norm(CpuDevice device, NormKind kind)
    {
        var random = new Random(54);
        var x = Arrange.Upload(device, Arrange.Numbers(random, 2 * 117), 2, 117);
        var residual = Arrange.Upload(device, Arrange.Numbers(random, 2 * 117), 2, 117);
        device.AddNorm(x, residual, device.LoadNorm(kind, 1e-5f, Arrange.Numbers(random, 117), kind == NormKind.Layer ? Arrange.Numbers(random, 117) : []), x);
        return [.. Arrange.Download(device, x), .. Arrange.Download(device, residual)];
    }

    private static float[] Experts(CpuDevice device)
    {
        var random = new Random(56);
        var plan = new ExpertPlan(5, 2);
        var to = device.Allocate(5, 64);
        ExpertWeights Load(int outputs, int inputs) => device.LoadExperts(
            [.. Enumerable.Range(0, 3).Select(_ => new LinearSource(Arrange.Weights(random, WeightFormats.Q8_0, outputs, inputs)))]);
        device.Route(Arrange.Upload(device, Arrange.Numbers(random, 15), 5, 3), new RoutingShape(3, 2, RoutingScore.SoftmaxRenormalized), plan);
        device.ExpertMlp(
            Arrange.Upload(device, Arrange.Numbers(random, 5 * 64), 5, 64), Load(2 * 32, 64), Load(64, 32), Activation.Silu, plan, to);
        return Arrange.Download(device, to);
    }

    private static float[] Logprobs(CpuDevice device)
    {
        var result = new LogprobResult(2, 5);
        device.Logprobs(Arrange.Upload(device, Arrange.Numbers(new Random(57), 2 * 3001), 2, 3001), [7, 2999], [5, 5], 0, result);
        return [.. result.Chosen, .. result.TopLogprobs];
    }

    private static int[] Sample(CpuDevice device)
    {
        var plan = new SamplingPlan(8) { Rows = 8 };
        for (var row = 0; row < 8; row++)
        {
            (plan.Temperature[row], plan.TopP[row], plan.RepetitionPenalty[row], plan.Seed[row]) = (row % 3, row % 2 == 0 ? 1 : 0.8f, 1, 5);
            plan.Bias.EndRow();
            plan.Seen.EndRow();
            plan.Allowed.EndRow();
        }

        var tokens = new int[8];
        device.Sample(Arrange.Upload(device, Arrange.Numbers(new Random(55), 8 * 3001), 8, 3001), plan, tokens);
        return tokens;
    }

    private static string Hash(float[] numbers) => Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(numbers.AsSpan())), 0, 8);
}
