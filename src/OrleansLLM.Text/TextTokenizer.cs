using Microsoft.ML.Tokenizers;

namespace OrleansLLM.Text;

/// <summary>
/// A tokenizer of ours: a <see cref="Tokenizer"/> for .NET code, and what a server needs beyond that type: special tokens that can be
/// read as text, post-processing, exact bytes, streams. Immutable and thread-safe.
/// </summary>
public abstract class TextTokenizer : Tokenizer
{
    /// <summary>One more than the largest id.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>Sentences for the log: what its files name and its model can't have.</summary>
    public virtual IReadOnlyList<string> LeftOut => [];

    /// <summary>
    /// Encodes a text.
    /// </summary>
    /// <param name="text">Any UTF-16 text, also with lone surrogates.</param>
    /// <param name="literal">Ranges of the text, ascending, in which special tokens are plain text (what users wrote).</param>
    /// <param name="added">Whether the post-processor adds its tokens (BOS and the like).</param>
    public abstract IReadOnlyList<int> Encode(string text, ReadOnlySpan<TextSpan> literal, AddedTokens added);

    /// <summary>Text of ids; unknown ids are skipped, bytes that are no UTF-8 become U+FFFD.</summary>
    public abstract string Decode(ReadOnlySpan<int> ids, SpecialTokens special);

    /// <summary>A decoder for one stream of ids that never emits half a character.</summary>
    public abstract IStreamDecoder CreateStreamDecoder(SpecialTokens special);

    /// <summary>The vocabulary's own string for an id, or null where there is none.</summary>
    public abstract string? GetToken(int id);

    public abstract bool TryGetId(string token, out int id);

    public abstract bool IsSpecial(int id);

    /// <summary>The bytes that an id stands for in the middle of a text, as OpenAI's logprobs give them.</summary>
    public abstract ReadOnlyMemory<byte> GetBytes(int id);
}

/// <summary>[Start, Start + Length) of a string, in UTF-16 units.</summary>
public readonly record struct TextSpan(int Start, int Length)
{
    public int End => Start + Length;
}

public enum AddedTokens
{
    None,
    PostProcessor,
}

public enum SpecialTokens
{
    Skip,
    Keep,
}

/// <summary>Ids in, text out, piece by piece; one stream, one thread.</summary>
public interface IStreamDecoder
{
    /// <summary>The text that this id completes; empty while a character is unfinished.</summary>
    string Add(int id);

    /// <summary>What is left at the end of the stream (an unfinished character as U+FFFD).</summary>
    string Finish();
}
