using OrleansLLM.Benchmarks;

var benchmarks = new (string Name, string Description, Func<string[], Task> Run)[]
{
    ("llama", "MODEL.gguf [PAIRS]: prefill and decode against llama.cpp, in this process, in turn", LlamaComparison.RunAsync),
    ("kv-waste", "MODEL [REQUESTS]: slots allocated but not filled, on the seeded ShareGPT-like mix", KvWaste.RunAsync),
    ("fork-blocks", "MODEL: blocks in use by n = 4 against 4 requests", ForkBlocks.RunAsync),
    ("grains", "MODEL [PAIRS]: tokens/s of 32 requests through the grains against the bare engine", GrainCost.RunAsync),
    ("hostile", "MODEL [SECONDS [REQUESTS]]: what a server holds of memory under a client that goes to the end of every limit, and how others fare", HostileClient.RunAsync),
    ("gaps", "MODEL: gaps between the tokens of 8 streams while ten prompts of 4,000 tokens come in turn", StepGaps.RunAsync),
    ("soak-threads", "SECONDS: the compute threads under many callers, with pauses and items that throw", SoakThreads.RunAsync),
};

if (args.Length >= 2 && benchmarks.FirstOrDefault(benchmark => benchmark.Name == args[0]) is { Run: { } run })
{
    await run(args[1..]);
    return 0;
}

foreach (var (name, description, _) in benchmarks)
{
    Console.WriteLine($"{name,-12} {description}");
}

return 1;
