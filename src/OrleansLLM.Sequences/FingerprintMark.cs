namespace OrleansLLM.Sequences;

/// <summary>From this position on a sequence is computed by an engine with that fingerprint (<see cref="EngineFacts.Fingerprint"/>).</summary>
/// <param name="Position">Counted from the prompt's first token.</param>
public readonly record struct FingerprintMark(int Position, string Fingerprint);
