using System.Buffers.Binary;

namespace OrleansLLM.Testing;

/// <summary>
/// GGUF models that draw a known text: each token of the vocabulary, drawn greedily, is followed by a token that the test chooses. Layers add
/// nothing, a token's row of the embedding is one of the axes, and the head's rows are the axes of the tokens before.
/// </summary>
public static class ChainModel
{
    private const int Width = 32;

    /// <param name="tokens">The vocabulary: 32 tokens at most, letters of GPT-2's byte alphabet and special ones, each with GGUF's number of its type.</param>
    /// <param name="next">The token that follows each.</param>
    /// <param name="more">Adds keys.</param>
    /// <param name="axis">What stands in the embedding; NaN is a damaged weight.</param>
    public static byte[] Build(
        IReadOnlyList<(string Text, int Type)> tokens, Func<int, int> next, Func<GgufBuilder, GgufBuilder>? more = null, float axis = 1)
    {
        var builder = new GgufBuilder()
            .Text("general.architecture", "llama")
            .UInt32("llama.embedding_length", Width).UInt32("llama.block_count", 1).UInt32("llama.attention.head_count", 1)
            .UInt32("llama.feed_forward_length", Width).UInt32("llama.context_length", 256).Float32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .Text("tokenizer.ggml.model", "gpt2").Text("tokenizer.ggml.pre", "gpt-2").Texts("tokenizer.ggml.merges")
            .Texts("tokenizer.ggml.tokens", [.. tokens.Select(token => token.Text)])
            .Int32s("tokenizer.ggml.token_type", [.. tokens.Select(token => token.Type)]);
        builder = more?.Invoke(builder) ?? builder;
        builder.Tensor("token_embd.weight", 0, Matrix(tokens.Count, (row, column) => row == column ? axis : 0), Width, (ulong)tokens.Count);
        builder.Tensor("output.weight", 0, Matrix(tokens.Count, (row, column) => column < tokens.Count && next(column) == row ? 1 : 0), Width, (ulong)tokens.Count);
        foreach (var norm in new[] { "output_norm", "blk.0.attn_norm", "blk.0.ffn_norm" })
        {
            builder.Tensor($"{norm}.weight", 0, Matrix(1, (_, _) => 1), Width);
        }

        foreach (var linear in new[] { "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down" })
        {
            builder.Tensor($"blk.0.{linear}.weight", 0, Matrix(Width, (_, _) => 0), Width, Width);
        }

        return builder.Build();
    }

    private static byte[] Matrix(int rows, Func<int, int, float> value)
    {
        var bytes = new byte[rows * Width * sizeof(float)];
        for (var i = 0; i < rows * Width; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), value(i / Width, i % Width));
        }

        return bytes;
    }
}
