namespace OrleansLLM.Cli.Chaos;

/// <summary>What a chaos run does.</summary>
/// <param name="Model">A model's folder or file.</param>
/// <param name="Sequences">Choices that are asked for and compared, at least.</param>
/// <param name="Faults">How many processes are killed, hung or stopped, one after another.</param>
/// <param name="Seed">Of requests and faults.</param>
/// <param name="Streams">Requests under way at once.</param>
/// <param name="Store">Where the silos meet, as <c>serve</c> takes it; null = in a folder.</param>
/// <param name="Connection">To the store.</param>
/// <param name="Timeline">A file for what every process and client said, in milliseconds; null = kept only where something was wrong.</param>
internal sealed record ChaosPlan(
    string Model, int Sequences, int Faults, int Seed, int Streams, int Gateways, int Workers, string? Store, string? Connection, string? Timeline);
