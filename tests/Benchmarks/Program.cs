using System.Diagnostics;
using OrleansLLM.Benchmarks;

var path = args[0];
using var peer = new LlamaCppPeer(path, 2, 32, 4096);
var ids = Enumerable.Range(0, 512).Select(i => 1000 + i).ToArray();
for (var k = 0; k < 3; k++)
{
    var t = Stopwatch.StartNew();
    peer.Prefill(ids);
    Console.WriteLine($"prefill {512 / t.Elapsed.TotalSeconds}");
    foreach (var b in new[] { 1, 8, 32 })
    {
        peer.Prefill(ids);
        peer.Share(b);
        t.Restart();
        for (var i = 0; i < 16; i++) peer.Decode(512 + i, new int[b]);
        Console.WriteLine($"{b}: {16 * b / t.Elapsed.TotalSeconds}");
    }
}
