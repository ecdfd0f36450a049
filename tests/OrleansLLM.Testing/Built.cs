namespace OrleansLLM.Testing;

/// <summary>
/// What is built. A reference case that names something of no list here is skipped by that name; every other case must work, whatever the
/// product says of itself. What is built anew gets its name here, and tests compare the product's own tables with these lists.
/// </summary>
public static class Built
{
    /// <summary>The <c>kind</c> of a golden.json.</summary>
    public static BuiltList ModelKinds { get; } = new("models of kind", "causal");

    /// <summary>The <c>model_type</c> of a config.json.</summary>
    public static BuiltList ModelTypes { get; } = new("model type", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gpt2", "mixtral");

    /// <summary>The first of <c>architectures</c> of a config.json.</summary>
    public static BuiltList ModelClasses { get; } = new(
        "model class",
        "LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "Gemma2ForCausalLM", "GPT2LMHeadModel", "MixtralForCausalLM");

    /// <summary>The <c>general.architecture</c> of a GGUF file.</summary>
    public static BuiltList GgufArchitectures { get; } = new("GGUF architecture", "llama", "qwen2", "qwen3", "gemma2", "gpt2");

    public static BuiltList RopeScalings { get; } = new("rotary scaling", "default", "linear", "dynamic", "yarn", "llama3");

    public static BuiltList Activations { get; } = new(
        "activation",
        "silu", "swish", "gelu", "gelu_python", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "relu");

    /// <summary>The <c>quant_method</c> of a config.json.</summary>
    public static BuiltList Quantizations { get; } = new("quantization method");

    /// <summary>By GGUF's names.</summary>
    public static BuiltList WeightFormats { get; } = new(
        "weight format", "F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K");

    /// <summary>Of decoding/sampling.json, in the sampler's order.</summary>
    public static BuiltList SamplingSteps { get; } = new("sampling step", "repetition_penalty", "temperature", "min_p", "top_k", "top_p");

    /// <summary>The types in a tokenizer.json.</summary>
    public static BuiltList TokenizerModels { get; } = new("tokenizer model", "BPE");

    public static BuiltList Normalizers { get; } = new(
        "normalizer",
        "BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled", "Prepend", "Replace", "Sequence", "Strip",
        "StripAccents");

    public static BuiltList PreTokenizers { get; } = new(
        "pre-tokenizer",
        "BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Delimiter", "Digits", "FixedLength", "Metaspace", "Punctuation", "Sequence", "Split",
        "UnicodeScripts", "Whitespace", "WhitespaceSplit");

    public static BuiltList PostProcessors { get; } = new(
        "post-processor", "BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing");

    public static BuiltList TokenDecoders { get; } = new(
        "token decoder",
        "BPEDecoder", "ByteFallback", "ByteLevel", "CTC", "Fuse", "Metaspace", "Replace", "Sequence", "Strip", "WordPiece");

    /// <summary>The <c>tokenizer.ggml.model</c> of a GGUF file.</summary>
    public static BuiltList GgufVocabularies { get; } = new("GGUF vocabulary kind", "gpt2", "llama");

    /// <summary>The <c>tokenizer.ggml.pre</c> of a GGUF file with a vocabulary of kind gpt2.</summary>
    public static BuiltList GgufPreTokenizers { get; } = new(
        "GGUF pre-tokenizer",
        "gpt-2", "gpt2", "phi-2", "mpt", "olmo", "jais", "gigachat", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum", "exaone4",
        "trillion", "granite-docling", "modern-bert", "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2",
        "qwen2", "deepseek-r1-qwen", "kormo", "megrez", "stablelm2", "hunyuan", "grok-2", "f2llmv2", "solar-open", "qwen35", "llama-bpe", "llama3",
        "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano", "dbrx", "smaug-bpe", "glm4", "chatglm-bpe", "gpt-4o",
        "llama4", "minimax-m2", "kanana2", "talkie", "tekken", "deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4", "spark2_5", "deepseek-llm",
        "deepseek-coder", "falcon", "bloom", "poro-chat", "gpt3-finnish", "viking", "superbpe", "tiny_aya", "cohere2moe", "laguna", "minicpm5",
        "seed-coder", "ufakzeka", "exaone-moe", "bailingmoe", "bailingmoe2", "llada-moe");

    public static BuiltList TemplateTags { get; } = new(
        "template tag",
        "block", "break", "call", "continue", "extends", "filter", "for", "from", "generation", "if", "import", "include", "macro", "print", "set", "with");

    public static BuiltList TemplateFilters { get; } = new(
        "template filter",
        "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape", "filesizeformat", "first", "float",
        "forceescape", "format", "groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject",
        "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr", "slice", "sort", "string", "striptags", "sum", "title", "tojson",
        "trim", "truncate", "unique", "upper", "urlencode", "wordcount", "wordwrap", "xmlattr");

    public static BuiltList TemplateTests { get; } = new(
        "template test",
        "boolean", "callable", "defined", "divisibleby", "escaped", "even", "false", "filter", "float", "in", "integer", "iterable", "lower", "mapping",
        "none", "number", "odd", "sameas", "sequence", "string", "test", "true", "undefined", "upper", "==", "eq", "equalto", "!=", "ne", ">", "gt",
        "greaterthan", ">=", "ge", "<", "lt", "lessthan", "<=", "le");

    public static BuiltList TemplateGlobals { get; } = new(
        "template global", "cycler", "dict", "joiner", "namespace", "raise_exception", "range", "self", "strftime_now");

    /// <summary>Of str, int, float, list, tuple, range and dict, also those that the sandbox forbids.</summary>
    public static BuiltList TemplateMethods { get; } = new(
        "template method",
        "append", "bit_length", "capitalize", "center", "clear", "conjugate", "copy", "count", "endswith", "extend", "find", "format", "format_map",
        "fromkeys", "get", "index", "insert", "is_integer", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "islower", "isnumeric",
        "isprintable", "isspace", "isupper", "items", "join", "keys", "ljust", "lower", "lstrip", "partition", "pop", "popitem", "remove",
        "removeprefix", "removesuffix", "replace", "reverse", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "setdefault", "sort",
        "split", "splitlines", "startswith", "strip", "swapcase", "title", "update", "upper", "values", "zfill");

    /// <summary>Of what <see cref="TemplateFeatures"/> tells apart beside the names above: none.</summary>
    public static BuiltList TemplateConstructs { get; } = new("template construct");
}
