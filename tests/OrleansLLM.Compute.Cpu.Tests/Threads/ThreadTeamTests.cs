namespace OrleansLLM.Compute.Cpu.Tests.Threads;

public sealed class ThreadTeamTests
{
    [Fact]
    public void Devices_of_a_process_share_the_team_and_get_their_own_results()
    {
        var random = new Random(71);
        var source = new LinearSource(Arrange.Weights(random, WeightFormats.F32, 640, 64));
        var x = Arrange.Numbers(random, 9 * 64);
        float[] Compute(int threads, int times)
        {
            using var device = Arrange.Device(threads);
            using var weight = device.Load(source);
            var (input, to) = (Arrange.Upload(device, x, 9, 64), device.Allocate(9, 640));
            for (var i = 0; i < times; i++)
            {
                device.Linear(input, weight, to);
            }

            return Arrange.Download(device, to);
        }

        var expected = Compute(1, 1);
        var results = new float[6][];
        var callers = Enumerable.Range(0, results.Length).Select(i => new Thread(() => results[i] = Compute(2 + (i % 3), 300))).ToList();
        callers.ForEach(caller => caller.Start());
        callers.ForEach(caller => caller.Join());
        Assert.All(results, result => Arrange.AssertSameBits(expected, result));
    }
}
