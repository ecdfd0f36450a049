using OrleansLLM.Cli.Bench;

namespace OrleansLLM.Cli.Tests.Bench;

public sealed class BenchReportTests
{
    private static readonly BenchFacts Facts = new("openai", "m", 3, double.PositiveInfinity, 1, 2, DateTimeOffset.UnixEpoch);

    private static readonly RequestRecord[] Records =
    [
        new() { Sent = 0, Arrivals = [0.1, 0.2, 0.4], Ended = 0.4, InputTokens = 10, OutputTokens = 3, Text = "a b c" },
        new() { Sent = 0.1, Arrivals = [0.4, 1.4], Ended = 1.4, InputTokens = 20, OutputTokens = 2, Text = "d e" },
        new() { Sent = 0.5, Ended = 0.6, Error = "503: busy" },
    ];

    [Fact]
    public void It_prints_what_vllm_bench_serve_prints()
    {
        const string expected =
            """
            ============ Serving Benchmark Result ============
            Successful requests:                     2         
            Failed requests:                         1         
            Maximum request concurrency:             2         
            Benchmark duration (s):                  2.00      
            Total input tokens:                      30        
            Total generated tokens:                  5         
            Request throughput (req/s):              1.00      
            Output token throughput (tok/s):         2.50      
            Peak output token throughput (tok/s):    4.00      
            Peak concurrent requests:                2.00      
            Total token throughput (tok/s):          17.50     
            ---------------Time to First Token----------------
            Mean TTFT (ms):                          200.00    
            Median TTFT (ms):                        200.00    
            P99 TTFT (ms):                           298.00    
            -----Time per Output Token (excl. 1st token)------
            Mean TPOT (ms):                          575.00    
            Median TPOT (ms):                        575.00    
            P99 TPOT (ms):                           991.50    
            ---------------Inter-token Latency----------------
            Mean ITL (ms):                           433.33    
            Median ITL (ms):                         200.00    
            P99 ITL (ms):                            984.00    
            ----------------End-to-end Latency----------------
            Mean E2EL (ms):                          850.00    
            Median E2EL (ms):                        850.00    
            P99 E2EL (ms):                           1291.00   
            ==================================================

            """;

        Assert.Equal(expected, new BenchReport(Facts, 2, Records).ToText().ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Its_json_has_the_keys_of_vllm_and_every_request_where_that_is_asked_for()
    {
        var report = new BenchReport(Facts, 2, Records);

        var summary = report.ToJson(SavedDetail.Summary);
        Assert.Equal(2, summary["completed"]!.GetValue<int>());
        Assert.Equal("inf", summary["request_rate"]!.GetValue<string>());
        Assert.Equal(200, summary["median_ttft_ms"]!.GetValue<double>(), 6);
        Assert.Equal(100, summary["std_ttft_ms"]!.GetValue<double>(), 6);
        Assert.False(summary.ContainsKey("itls"));

        var detailed = report.ToJson(SavedDetail.EveryRequest);
        Assert.Equal([3, 2, 0], detailed["output_lens"]!.AsArray().Select(value => value!.GetValue<int>()));
        Assert.Equal("503: busy", detailed["errors"]![2]!.GetValue<string>());
    }

    [Fact]
    public void A_run_without_a_success_prints_zeros()
    {
        var text = new BenchReport(Facts, 1, [Records[2]]).ToText();

        Assert.Contains("Successful requests:                     0", text, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", text, StringComparison.Ordinal);
    }
}
