using OrleansLLM.Files;

namespace OrleansLLM.Models;

/// <summary>A sound model of an architecture, format or scaling that is not built; the message names what is.</summary>
public sealed class UnsupportedModelException(string path, string problem) : FileFormatException(path, problem);
