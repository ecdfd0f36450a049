using OrleansLLM.Files;
using OrleansLLM.Text.Tokenizers.Decoders;
using OrleansLLM.Text.Tokenizers.Models;
using OrleansLLM.Text.Tokenizers.Normalizers;
using OrleansLLM.Text.Tokenizers.Patterns;
using OrleansLLM.Text.Tokenizers.PostProcessors;
using static System.FormattableString;

namespace OrleansLLM.Text.Tokenizers.Gguf;

/// <summary>The kinds of a GGUF file's vocabulary. To add one, write its builder and a row.</summary>
internal static class GgufTokenizers
{
    private const string Mark = "\u2581";

    private static readonly Dictionary<string, Func<GgufVocabulary, PipelineTokenizer>> Kinds = new(StringComparer.Ordinal)
    {
        ["gpt2"] = BuildByteLevel,
        ["llama"] = BuildSentencePiece,
    };

    public static IReadOnlyCollection<string> Names => Kinds.Keys;

    /// <exception cref="TokenizerException">The kind is not built, or the vocabulary is misshapen.</exception>
    public static PipelineTokenizer Read(GgufMetadata metadata)
    {
        var vocabulary = new GgufVocabulary(metadata);
        return Kinds.TryGetValue(vocabulary.Kind, out var build)
            ? build(vocabulary)
            : throw new TokenizerException(
                $"tokenizer.ggml.model: the vocabulary kind {vocabulary.Kind} is not built; built are {string.Join(", ", Kinds.Keys)}");
    }

    /// <summary>Byte-level BPE; how texts are split is known by name only.</summary>
    private static PipelineTokenizer BuildByteLevel(GgufVocabulary file)
    {
        var row = GgufPreTokenizers.Find(file.PreTokenizer);
        var vocabulary = ModelVocabulary(file);
        var lines = file.Merges;
        var merges = new MergeTable(lines.Count);
        for (var rank = 0; rank < lines.Count; rank++)
        {
            if (!file.TouchesRetyped(lines[rank]))
            {
                MergeAdder.Add(merges, vocabulary, lines[rank], prefixLength: 0, rank);
            }
        }

        var model = new BpeModel(vocabulary, merges, new BpeOptions { WholePieces = row.WholePieces });
        return new PipelineTokenizer(new TokenizerParts(model, AddedTokens(file, vocabulary, normalizer: null))
        {
            PreTokenizer = row.Build(),
            PostProcessor = Ends(file, file.Flag("add_bos_token") ?? row.AddsBeginning, file.SpecialId("bos"), file.SpecialId("eos")),
            Decoder = new ByteLevelDecoder(),
        });
    }

    /// <summary>SentencePiece's BPE: spaces are marks, unknown characters are bytes, merges follow from the scores.</summary>
    private static PipelineTokenizer BuildSentencePiece(GgufVocabulary file)
    {
        var vocabulary = ModelVocabulary(file);
        var model = new BpeModel(vocabulary, ScoredMerges.Build(file), new BpeOptions
        {
            UnknownId = file.SpecialId("unknown") ?? 0,
            UnknownRuns = UnknownRuns.Fused,
            ByteIds = BpeOptions.FindByteIds(vocabulary),
        });
        var hasPrefix = file.Flag("add_space_prefix") ?? true;
        var spaces = new ReplaceNormalizer(new LiteralPattern(" "), Mark);
        INormalizer normalizer = hasPrefix ? new NormalizerSequence([new PrependNormalizer(Mark), spaces]) : spaces;
        List<ITokenDecoder> decoders = [new ReplaceDecoder(new LiteralPattern(Mark), " "), new ByteFallbackDecoder(), new FuseDecoder()];
        if (hasPrefix)
        {
            decoders.Add(new StripDecoder(new System.Text.Rune(' '), start: 1, stop: 0));
        }

        return new PipelineTokenizer(new TokenizerParts(model, AddedTokens(file, vocabulary, normalizer))
        {
            Normalizer = normalizer,
            PostProcessor = Ends(file, file.Flag("add_bos_token") ?? true, file.SpecialId("bos", whereMissing: 1), file.SpecialId("eos", whereMissing: 2)),
            Decoder = new DecoderSequence(decoders),
        });
    }

    /// <summary>What a text's pieces can be: all but control tokens, which stand for no text.</summary>
    private static Vocabulary ModelVocabulary(GgufVocabulary file)
    {
        var vocabulary = new Vocabulary(file.Tokens.Count);
        for (var id = 0; id < file.Tokens.Count; id++)
        {
            if (file.TypeOf(id) is not (GgufTokenType.Control or GgufTokenType.Unknown))
            {
                vocabulary.Add(file.Tokens[id], id);
            }
        }

        return vocabulary;
    }

    private static AddedVocabulary AddedTokens(GgufVocabulary file, Vocabulary vocabulary, INormalizer? normalizer)
    {
        var added = new AddedVocabulary(vocabulary, normalizer);
        for (var id = 0; id < file.Tokens.Count; id++)
        {
            var type = file.TypeOf(id);
            if (file.Tokens[id].Length > 0 && type is GgufTokenType.Control or GgufTokenType.Unknown or GgufTokenType.UserDefined)
            {
                var flags = type == GgufTokenType.UserDefined ? AddedTokenFlags.None : AddedTokenFlags.Special;
                added.Add(new AddedToken(file.Tokens[id], flags), id);
            }
        }

        added.Seal();
        return added;
    }

    /// <summary>BOS before and EOS behind a text, as the file says.</summary>
    private static TemplateProcessor? Ends(GgufVocabulary file, bool addsBeginning, int? beginning, int? end)
    {
        var before = addsBeginning ? Special(file, beginning, "bos") : null;
        var behind = file.Flag("add_eos_token") ?? false ? Special(file, end, "eos") : null;
        if (before is null && behind is null)
        {
            return null;
        }

        var first = Around(before, new TemplatePart(0, [], 0), behind);
        return new TemplateProcessor(first, [.. first, .. Around(before, new TemplatePart(1, [], 1), behind)]);
    }

    private static List<TemplatePart> Around(TemplatePart? before, TemplatePart text, TemplatePart? behind) =>
        [.. new[] { before, text, behind }.OfType<TemplatePart>()];

    private static TemplatePart? Special(GgufVocabulary file, int? id, string name) => id is not { } known
        ? file.Flag($"add_{name}_token") == true
            ? throw new TokenizerException($"tokenizer.ggml.add_{name}_token is set, but tokenizer.ggml.{name}_token_id is {file.IdInFile(name)}; it must be one of the vocabulary's {file.Tokens.Count} tokens")
            : null
        : known < file.Tokens.Count
            ? new TemplatePart(Text: null, [(known, file.Tokens[known])], 0)
            : throw new TokenizerException(Invariant($"the {name} token is {known}, but the vocabulary has {file.Tokens.Count} tokens"));
}
